//! The kernel's side kept in step with the schedule: the one timer, and the disposition of its signal.
//!
//! While an alarm lives our handler is in place of the program's. The timer is programmed for the earliest
//! moment that anybody waits for, once; whoever answers the ring programs it for the next. A timer that is
//! set too early costs one stray ring and no system call to mend, so it is left as it is.

use std::io;
use std::mem;
use std::time::Duration;

use super::account::{self, Account};
use super::foreign::FOREIGN;
use super::given_back::GivenBack;
use super::programmed::{Programmed, Rung, Told};
use super::signals::Signals;
use super::{last_resort, owner, tickers, waiters};
use crate::error::ArmError;
use crate::os::disposition::{Disposition, Manner};
use crate::os::itimer::{self, Setting};
use crate::os::{clock, pending, threads};
use crate::time::Time;

/// How often the kernel rings again where somebody waits who cannot check.
pub(super) const AGAIN: Duration = Duration::from_millis(10);

/// No repetition is quicker than this, whatever a foreign timer asks for.
const QUICKEST: Duration = Duration::from_millis(1);

/// A limit that may be over before a system call is, on a busy machine.
const SHORT: Duration = Duration::from_millis(1);

/// The kernel's side of the bell.
pub(super) struct Kernel {
    /// What our handler stands in front of, while it is in place.
    found: Option<&'static Disposition>,
    /// What the timer was last told, since our handler is in place.
    programmed: Option<Programmed>,
    account: Account,
    /// Somebody else has set the timer since our handler is in place, and may have touched more than that.
    disturbed: bool,
    /// The foreign timer that was last given back: taken over again, it is no later for it.
    given_back: Option<GivenBack>,
    /// How many threads wait in a system call and want to be interrupted.
    waiting: usize,
    /// How our handler runs.
    manner: Manner,
    /// Whose handler stood over ours until somebody began to wait.
    behind: Option<&'static Disposition>,
    /// How many have asked for the process as it was found.
    suspended: usize,
    /// The kernel refused to put the owner's disposition back: our handler was left in its place.
    left_behind: bool,
    /// Every disposition that we have ever stood in front of.
    owners: Vec<&'static Disposition>,
}

impl Kernel {
    pub(super) const fn new() -> Kernel {
        Kernel {
            found: None,
            programmed: None,
            account: Account::new(),
            disturbed: false,
            given_back: None,
            waiting: 0,
            manner: Manner::USUAL,
            behind: None,
            suspended: 0,
            left_behind: false,
            owners: Vec::new(),
        }
    }

    /// Sees to it that the kernel rings at `wanted`, and at the foreign timer's moment, or sooner. Says whether it
    /// will: not while the process is to be left as it was found.
    pub(super) fn program(&mut self, wanted: Time, now: Time, signals: &Signals) -> Result<bool, ArmError> {
        if self.suspended > 0 {
            return Ok(false);
        }
        let mut must_ask = self.programmed.is_none();
        self.engage()?;
        // Once as a rule; again when the timer had to be read first, or when that has brought a foreign timer to light
        // that must be heeded too.
        loop {
            let first = wanted.min(FOREIGN.due()).min(last_resort::next());
            let interval = self.repetition(first, wanted);
            if first.is_never() {
                self.note_last_ring();
            }
            if !must_ask && self.covers(first, interval, now) && !self.is_stray_in_a_wait(first) {
                break;
            }
            // By the clock, and not by `now`, which the thread may have stood still behind.
            let mut before = clock::now();
            if must_ask {
                before = self.let_ring(before);
            }
            if self.must_be_read_first(must_ask, first, before) {
                self.set(Time::NEVER, Duration::ZERO, before)?;
            } else if !self.set(first, interval, before)? {
                break;
            }
            must_ask = false;
        }
        self.choose_restart(signals)?;
        Ok(true)
    }

    /// Whether the timer must be stopped and read before it is set for `first`, by a call of its own: what is set by the
    /// call that reads it must not ring before that call is over, if what is read matters.
    ///
    /// It matters where the timer may be foreign. Taken over, a ring of it waits until the call is over, and the kernel
    /// would merge ours with it. Set over ours, it is known by the time that it holds, and the longer the call takes,
    /// handler and all, the more of other people's times can be ours. Once ours has rung, it holds none.
    fn must_be_read_first(&self, must_ask: bool, first: Time, now: Time) -> bool {
        let matters = must_ask || self.programmed.is_some_and(|ours| ours.was_to_come(now));
        matters && first.since(now) < SHORT
    }

    /// Whether the timer may be left as it is.
    pub(super) fn covers(&self, first: Time, interval: Duration, now: Time) -> bool {
        // A ring while ours is still to come is a stray of ours, or the sign of a timer that somebody has set
        // over ours. To ask settles it.
        self.account.is_up_to_date() && self.programmed.is_some_and(|ours| ours.covers(first, interval, now))
    }

    /// Whether the timer is left over for nobody, and a thread waits. What is armed under it then would be in step with it,
    /// and is to ring again and again: so it may not stay.
    fn is_stray_in_a_wait(&self, first: Time) -> bool {
        first.is_never() && self.is_awaited() && self.programmed.is_some_and(|ours| !ours.is_silent())
    }

    /// Takes note that our ring has come, where it was the only one and nothing more is wanted: the timer is silent now.
    /// A check that errs needs no system call to know that.
    ///
    /// If it was not ours: the timer that somebody had set over ours has rung after our moment. Once, and then it is
    /// silent as well, and to ask would tell the same; or it goes on, and its next ring, which is one too many, has us ask.
    fn note_last_ring(&mut self) {
        if self.programmed.is_some_and(|ours| ours.rings_once() && self.account.has_had(&ours)) {
            self.account.count_one();
            self.programmed = Some(Programmed::SILENT);
        }
    }

    /// How often the kernel must ring again after `first`: not at all; or every [`AGAIN`], where a thread waits that
    /// cannot check, for the ring may have come between its check and its wait; or in steps, no longer than that,
    /// that land exactly on the moment that the handler itself must see: a foreign timer's, or that of last resort.
    ///
    /// Without the steps our own ring would use the kernel's timer up, and if nobody checks, that moment would pass
    /// unnoticed. So would a last resort's: the process ends by it, unless it is taken away in time, and whoever does that
    /// leaves the timer as it is.
    fn repetition(&self, first: Time, wanted: Time) -> Duration {
        let waiting = if self.waiting > 0 && !first.is_never() { AGAIN } else { Duration::ZERO };
        let (foreign, last_resort) = (FOREIGN.due(), last_resort::next());
        let due = foreign.min(last_resort);
        if due.is_never() {
            return waiting;
        }
        let period = if foreign.is_never() { Duration::ZERO } else { FOREIGN.period() };
        let distance = match (wanted < due, period.is_zero()) {
            (true, _) => due.since(first),
            (false, false) => period,
            (false, true) => {
                let timer = if foreign > first { foreign } else { Time::NEVER };
                match timer.min(last_resort::next_after(first)) {
                    next if next.is_never() => return waiting,
                    next => next.since(first),
                }
            }
        };
        let longest = if period.is_zero() { AGAIN } else { AGAIN.min(period) };
        let steps = distance.as_nanos().div_ceil(longest.as_nanos()).max(1);
        Duration::from_nanos((distance.as_nanos() / steps) as u64).max(QUICKEST)
    }

    /// Lets a system call that a ring interrupts go on, or fail with EINTR: where a thread waits for that, and where
    /// the program has a timer and a handler of its own that count on it.
    fn choose_restart(&mut self, signals: &Signals) -> Result<(), ArmError> {
        let theirs = !FOREIGN.due().is_never() && owner::known().is_some_and(Disposition::interrupts);
        let restart = self.waiting == 0 && !theirs;
        if restart == self.manner.restart {
            return Ok(());
        }
        let manner = Manner { restart, ..self.manner };
        // As in `engage`: whose it is that comes from here on is known when it is known who stands where.
        let known = owner::hold();
        let changed = self.change_manner(manner);
        owner::announce(changed.as_ref().map_or(known, |other| other.or(known)), known);
        changed?;
        signals.choose_restart(restart);
        Ok(())
    }

    /// Has our handler, which is in place or under somebody's, run in another manner from now on. Says who is the owner, if
    /// that is another one now.
    fn change_manner(&mut self, manner: Manner) -> Result<Option<&'static Disposition>, ArmError> {
        let replaced = Disposition::install_ours(manner).map_err(|e| ArmError::system("sigaction", e))?;
        self.manner = manner;
        Ok(self.stand_where_we_should(&replaced))
    }

    /// Our handler has been installed anew, over `replaced`. If that was somebody's, it is put over ours again, unless a
    /// thread waits, whom it may keep waiting: then ours stands in front of it for so long, and it is the owner.
    fn stand_where_we_should(&mut self, replaced: &Disposition) -> Option<&'static Disposition> {
        match self.behind.take() {
            // Nobody waits any more.
            Some(theirs) if replaced.is_ours() => Kernel::step_back(theirs, replaced),
            _ if !replaced.is_ours() && self.waiting > 0 => Some(self.step_in_front_of(replaced)),
            _ => {
                if !replaced.is_ours() {
                    let _ = replaced.install();
                }
                None
            }
        }
    }

    fn step_in_front_of(&mut self, replaced: &Disposition) -> &'static Disposition {
        let theirs = owner::kept_for_good(&mut self.owners, replaced);
        owner::leave_under(theirs);
        self.behind = Some(theirs);
        let manner = Manner { restart: self.manner.restart, ..Manner::in_front_of(theirs) };
        // If that is refused, it runs in the manner that it has.
        if manner != self.manner && Disposition::install_ours(manner).is_ok() {
            self.manner = manner;
        }
        theirs
    }

    /// Theirs is over ours again. Unless they have put ours back meanwhile, which had SA_RESTART when they found it: then
    /// they are gone.
    fn step_back(theirs: &'static Disposition, replaced: &Disposition) -> Option<&'static Disposition> {
        let back = !replaced.interrupts() || theirs.install().is_ok();
        if back { owner::beneath() } else { None }
    }

    /// One thread more that waits, or one less. Takes effect with the next [`program`](Kernel::program).
    pub(super) fn count_waiting(&mut self, change: isize) {
        self.waiting = self.waiting.saturating_add_signed(change);
    }

    /// Whether a thread waits that cannot check.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting > 0
    }

    /// Leaves the process as it was found until [`resume`](Kernel::resume) has been called as often.
    pub(super) fn suspend(&mut self) {
        self.suspended += 1;
        self.disengage();
    }

    /// Whether the process is to be left as it was found.
    pub(super) fn is_suspended(&self) -> bool {
        self.suspended > 0
    }

    pub(super) fn resume(&mut self) {
        self.suspended = self.suspended.saturating_sub(1);
    }

    /// Puts our handler in place, unless it is, or the process is to be left as it was found.
    pub(super) fn stand_in(&mut self) -> Result<(), ArmError> {
        if self.suspended > 0 { Ok(()) } else { self.engage() }
    }

    /// Puts our handler in place, unless it is.
    fn engage(&mut self) -> Result<(), ArmError> {
        if self.found.is_some() {
            return Ok(());
        }
        // From `install_ours` on our handler runs, and the call's answer says for whom it stands in. A signal
        // for the owner that comes in between is noted by the handler and sent again by `announce`.
        let known = owner::forget();
        let rings = account::rings();
        let found = match Disposition::install_ours(Manner::USUAL) {
            Ok(found) => found,
            Err(e) => {
                owner::announce(known, known);
                return Err(ArmError::system("sigaction", e));
            }
        };
        // Ours, because it could not be put away: what it stands for was found then.
        let left_behind = mem::take(&mut self.left_behind) && found.is_ours();
        let found = match known {
            Some(known) if left_behind => known,
            _ => owner::kept_for_good(&mut self.owners, &found),
        };
        if left_behind {
            // What has come meanwhile was the foreign timer's, and was handed on.
            self.account.pass_over(account::rings());
        } else if owner::has_left_under(found) {
            // It may have handed rings on to ours meanwhile, which were not ours.
            self.account.pass_over(rings);
        }
        // Our own handler, put back by somebody who had once found it there: it stands for whom it stood for.
        let owner = if found.is_ours() { known } else { Some(found) };
        self.found = Some(found);
        self.manner = Manner::USUAL;
        // Before anything is handed on to it. If that is refused, it goes on as it is, and the caller hears of it.
        let manner = owner.map_or(Manner::USUAL, Manner::in_front_of);
        let suited = if manner == self.manner { Ok(None) } else { self.change_manner(manner) };
        owner::announce(suited.as_ref().map_or(owner, |other| other.or(owner)), known);
        waiters::speak();
        suited.map(drop)
    }

    /// Sets the timer, to nothing if `first` is *never*, it being `before`; says whether a foreign timer came to light.
    ///
    /// Once more if the thread stood still in the middle of it: the less is known of our moment, the more of other people's
    /// times, should they be set over it, pass for ours.
    fn set(&mut self, first: Time, interval: Duration, mut before: Time) -> Result<bool, ArmError> {
        const ENOUGH: usize = 3;
        let mut foreign = false;
        for _ in 0..ENOUGH {
            // What is told is to be known again to the microsecond.
            let setting = if first.is_never() {
                Setting::DISARMED
            } else {
                // Zero would disarm.
                let remaining = first.since(before).max(Duration::from_nanos(1));
                Setting { remaining, interval }.rounded()
            };
            let after;
            (foreign, after) = self.tell(setting, before).map_err(|e| ArmError::system("setitimer", e))?;
            let ours = Programmed::new(setting, before, after);
            self.programmed = Some(ours);
            if foreign || !ours.is_vague(after) {
                break;
            }
            before = clock::now();
        }
        owner::send_kept();
        Ok(foreign)
    }

    /// Tells the timer something and learns from what it held, `before` being a moment before; says whether a
    /// foreign timer came to light, and a moment after.
    fn tell(&mut self, setting: Setting, before: Time) -> io::Result<(bool, Time)> {
        let counted = account::rings();
        let held = itimer::set(setting)?;
        // At once, for what was told and what was held are known as well as the two moments are near each other.
        let after = clock::now();
        Ok((self.learn(held, counted, before, after), after))
    }

    /// Tells the timer to be silent, and learns from what it held.
    fn silence(&mut self) -> io::Result<()> {
        let Some(ours) = self.programmed else { return Ok(()) };
        let before = clock::now();
        let counted = account::rings();
        let held = itimer::set(Setting::DISARMED)?;
        if ours.is_plainly_to_come(held, before) {
            let late = account::rings().wrapping_sub(counted);
            self.account.note(Rung::Times(0), counted, late);
        } else {
            self.learn(held, counted, before, clock::now());
        }
        self.programmed = Some(Programmed::SILENT);
        Ok(())
    }

    /// Learns from what the timer held between two moments, when it was told something else; so many rings had been
    /// `counted` before that. Says whether a foreign timer came to light.
    fn learn(&mut self, held: Setting, counted: usize, before: Time, after: Time) -> bool {
        let late = account::rings().wrapping_sub(counted);
        // Somebody has set it over ours, or switched it off; then it tells nothing of ours that it is silent now.
        let meddled = held == Setting::DISARMED && self.is_meddled_with(counted, before);
        let cut_short = if held == Setting::DISARMED { self.was_cut_short(before, after) } else { None };
        let told = match &self.programmed {
            Some(ours) if !meddled => ours.told_by(held, before, after),
            _ => Told::Foreign,
        };
        match told {
            Told::Ours { rung } => {
                self.account.note(rung, counted, late);
                return false;
            }
            Told::Foreign => {
                self.disturbed |= self.programmed.is_some();
                // The signal of a periodic one that holds zero is still under way. It is noted as due, below, and so
                // delivered by that; its arrival is no second one.
                let under_way = usize::from(held.remaining.is_zero() && !held.interval.is_zero());
                // Before somebody set the timer over it, ours may have rung, if its moment had come.
                let most = match self.programmed {
                    Some(ours) if !meddled && !self.account.rang_too_soon(&ours, counted) => {
                        ours.most_rings(after)
                    }
                    _ => 0,
                };
                let rung = if most > 0 { Rung::UpTo(most + under_way) } else { Rung::Times(under_way) };
                self.account.note(rung, counted, late);
            }
        }
        if held == Setting::DISARMED {
            let Some(due) = cut_short else { return FOREIGN.take().is_some() };
            FOREIGN.note(due, Duration::ZERO);
            return true;
        }
        // A periodic timer whose signal is still under way holds zero until the signal is taken.
        let known = self.given_back.and_then(|given| given.moment_of(held, before, after));
        // The kernel has cut it to microseconds, and it is not to ring early.
        let read = after.after(held.remaining + Duration::from_micros(1));
        FOREIGN.note(known.unwrap_or(read), held.interval);
        true
    }

    /// Whether the timer, which was silent when it was asked after `before`, has not become so by a ring of ours: one came
    /// too soon to be ours, or none has come that should have before that.
    fn is_meddled_with(&self, counted: usize, before: Time) -> bool {
        let Some(ours) = &self.programmed else { return false };
        self.account.rang_too_soon(ours, counted) || self.account.never_rang(ours, before)
    }

    /// Waits for the ring of the foreign timer that was given back last, if it is to come in microseconds, and says what time
    /// it is then. In the last of them the kernel would read it out as none at all, and it would be lost; a guard in a loop
    /// comes upon it there again and again.
    fn let_ring(&self, mut now: Time) -> Time {
        while self.given_back.is_some_and(|given| given.told.rings_about(now)) {
            now = clock::now();
        }
        now
    }

    /// The moment of that timer, if it was in its last microsecond after all when the kernel's was first asked, between two
    /// moments: the thread was held up before. (A ring that has come since our handler is in place was that one's.)
    fn was_cut_short(&self, before: Time, after: Time) -> Option<Time> {
        let given = self.given_back.filter(|_| self.programmed.is_none() && self.account.is_up_to_date())?;
        given.told.was_in_its_last(before, after).then_some(given.due)
    }

    /// Leaves the process as it was found. If the kernel refuses, our handler stays where it is, which is
    /// harmless; the default action in its place, with our timer running, would not be.
    pub(super) fn disengage(&mut self) {
        let Some(found) = self.found else { return };
        // In this order. No ring after this line:
        if self.silence().is_err() {
            return;
        }
        // None on its way to a thread that waits after this one.
        if !waiters::hush() {
            return self.stay();
        }
        // None waiting after this one. (One that another thread has taken and not yet handled calls our
        // handler, not the owner's: the kernel chose it when the signal was taken.)
        if self.account.is_any_under_way() {
            match pending::take() {
                Ok(pending::Taken::Nothing) => {}
                Ok(pending::Taken::Timers) => self.account.take_one(),
                Ok(pending::Taken::Sent | pending::Taken::FromHere) => owner::keep(),
                Err(_) => return self.stay(),
            }
            // A thread that is alone has nothing under way now, whether it lets SIGALRM in or not. What still seemed to
            // be would swallow a foreign ring that waits behind the mask when the next guard lets it in.
            if self.account.is_any_under_way() && threads::alone() {
                self.account.nothing_under_way();
            }
            // One that was sent again may have been merged with what was taken.
            if owner::take_owed() {
                owner::keep();
            }
        }
        // So that the owner cannot be hit by it:
        self.left_behind = self.restore(found).is_err();
        self.given_back = FOREIGN.take().map(|(due, period)| {
            if self.left_behind {
                // Its signals still come to our handler, which is to hand them on.
                FOREIGN.note(due, period);
            }
            // Overdue, it rings at once. Zero would disarm.
            let before = clock::now();
            let remaining = due.since(before).max(Duration::from_nanos(1));
            let setting = Setting { remaining, interval: period }.in_micros();
            let _ = itimer::set(setting);
            GivenBack { due, period, told: Programmed::new(setting, before, clock::now()) }
        });
        self.found = None;
        self.behind = None;
        self.programmed = None;
        self.disturbed = false;
        owner::send_kept();
    }

    /// Our handler is to stay where it is for now, and goes on to stand for the foreign timer.
    fn stay(&mut self) {
        waiters::speak();
        let due = FOREIGN.due();
        if !due.is_never() {
            let _ = self.set(due, FOREIGN.period(), clock::now());
        }
    }

    /// Puts back the disposition that our handler stood in front of, unless somebody has replaced ours.
    fn restore(&mut self, found: &'static Disposition) -> io::Result<()> {
        // The owner, and not `found`: it may have been good for one signal and have had it. Unless `found` is
        // our own handler, which somebody had left here.
        let owner = if found.is_ours() { Some(found) } else { owner::known() };
        let Some(owner) = owner else { return Ok(()) };
        if self.disturbed {
            match Disposition::current() {
                Ok(current) if current.is_ours() => {}
                Ok(current) => {
                    self.leave_under(&current);
                    return Ok(());
                }
                Err(_) => return Ok(()),
            }
        }
        // One call that puts ours away and tells whether it was ours. Where it was not, theirs is put back at
        // once. A SIGALRM in between goes to the owner instead; it can only come from a `kill`, since the
        // timer stands still, and only where somebody replaced the handler without ever setting the timer.
        let replaced = owner.install()?;
        if replaced.is_ours() {
            owner::put_back();
        } else {
            let _ = replaced.install();
            self.leave_under(&replaced);
        }
        Ok(())
    }

    /// Leaves our handler under somebody's, who may hand on to it what he gets.
    fn leave_under(&mut self, over: &Disposition) {
        owner::leave_under(owner::kept_for_good(&mut self.owners, over));
    }

    /// In a forked child: the timer is not inherited, the handler is.
    pub(super) fn start_again(&mut self) {
        FOREIGN.take();
        owner::start_again();
        waiters::start_again();
        tickers::start_again();
        last_resort::start_again();
        let found = self.found;
        *self = Kernel { account: Account::opened(), owners: mem::take(&mut self.owners), ..Kernel::new() };
        if let Some(found) = found {
            match Disposition::current() {
                Ok(current) if current.is_ours() => _ = self.restore(found),
                Ok(current) => self.leave_under(&current),
                Err(_) => {}
            }
        }
    }
}
