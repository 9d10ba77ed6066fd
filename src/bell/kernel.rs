//! The kernel's side kept in step with the schedule: the one timer, and the handler that it calls.
//!
//! While an alarm lives our handler is in place of the program's. The timer is programmed for the earliest
//! moment that anybody waits for, once; whoever answers the ring programs it for the next. A timer that is
//! set too early costs one stray ring and no system call to mend, so it is left as it is.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::BELL;
use super::foreign::FOREIGN;
use super::owner;
use crate::error::ArmError;
use crate::os::disposition::Disposition;
use crate::os::handler::{self, Arrival};
use crate::os::itimer::{self, Setting};
use crate::os::{clock, pending};
use crate::time::Time;

/// How often the kernel rings again where somebody waits who cannot check.
const AGAIN: Duration = Duration::from_millis(10);

/// No repetition is quicker than this, whatever a foreign timer asks for.
const QUICKEST: Duration = Duration::from_millis(1);

/// Before this moment no ring can be ours; *never* while we have not touched the timer.
///
/// It tells a foreign ring apart that comes after our handler is in place and before the timer is ours.
static OURS_FROM: AtomicU64 = AtomicU64::new(Time::NEVER.as_nanos());

/// How many rings of the kernel's timer have reached our handler.
static RINGS: AtomicUsize = AtomicUsize::new(0);

/// What SIGALRM does while an alarm lives. Async-signal-safe.
fn on_alarm(arrival: &Arrival) {
    if arrival.sent_by_timer() {
        BELL.set();
        RINGS.fetch_add(1, Ordering::Relaxed);
        let now = clock::now();
        if FOREIGN.claim(now) || now < Time::from_nanos(OURS_FROM.load(Ordering::SeqCst)) {
            owner::pass_on(arrival);
        }
    } else {
        owner::pass_on(arrival);
    }
}

/// What we have told the kernel's timer.
#[derive(Clone, Copy, Debug)]
struct Programmed {
    /// The kernel took its own reading of the clock between two of ours, so it rings between these two.
    earliest: Time,
    latest: Time,
    interval: Duration,
}

impl Programmed {
    /// Whether a ring is still to come at `first` or sooner, and is repeated if that is wanted.
    fn covers(&self, first: Time, interval: Duration, now: Time) -> bool {
        now < self.earliest && self.earliest <= first && (interval.is_zero() || !self.interval.is_zero())
    }

    /// Whether the timer, asked between the moment `before` and now, held what we had told it.
    fn explains(&self, held: Setting, before: Time) -> bool {
        // The kernel cuts a remaining time to microseconds, or makes one microsecond of an overdue one.
        const SLACK: Duration = Duration::from_micros(2);
        // As a rule the time of a call is all that has passed, and the clock need not be asked again.
        const CALL: Duration = Duration::from_micros(20);
        if held.interval != self.interval {
            return false;
        }
        let most = self.latest.since(before) + SLACK;
        let least = self.earliest.since(before).saturating_sub(CALL);
        if !least.is_zero() && (least..=most).contains(&held.remaining) {
            return true;
        }
        let after = clock::now();
        if held.remaining.is_zero() {
            // Rung, and for a repeated one: its signal still under way.
            return after >= self.earliest;
        }
        if !self.interval.is_zero() && after >= self.earliest && held.remaining <= self.interval + SLACK {
            return true;
        }
        let least = self.earliest.since(after).saturating_sub(SLACK);
        (least..=most).contains(&held.remaining)
    }
}

/// The kernel's side of the bell.
pub(super) struct Kernel {
    /// What our handler stands in front of, while it is in place.
    found: Option<Disposition>,
    /// What the timer was last told, since our handler is in place.
    programmed: Option<Programmed>,
    /// One of our rings may be on its way to some thread.
    may_ring: bool,
    /// Somebody else has set the timer since our handler is in place, and may have touched more than that.
    disturbed: bool,
    /// Every disposition that we have ever stood in front of.
    owners: Vec<&'static Disposition>,
}

impl Kernel {
    pub(super) const fn new() -> Kernel {
        Kernel { found: None, programmed: None, may_ring: false, disturbed: false, owners: Vec::new() }
    }

    /// Puts our handler in place, unless it is.
    pub(super) fn engage(&mut self) -> Result<(), ArmError> {
        if self.found.is_some() {
            return Ok(());
        }
        handler::prepare(on_alarm);
        OURS_FROM.store(Time::NEVER.as_nanos(), Ordering::SeqCst);
        // From the next call on our handler runs, and the call's answer says for whom it stands in. A signal
        // that comes in between is noted by the handler and sent again by `announce`.
        let known = owner::forget();
        let found = match Disposition::install_ours() {
            Ok(found) => found,
            Err(e) => {
                owner::announce(known);
                return Err(ArmError::system("sigaction", e));
            }
        };
        // Our own handler, put back by somebody who had once found it there: it stands for whom it stood for.
        let owner = if found.is_ours() { known } else { Some(self.kept_for_good(&found)) };
        owner::announce(owner);
        self.found = Some(found);
        Ok(())
    }

    /// Sees to it that the kernel rings at `wanted`, and at the foreign timer's moment, or sooner.
    pub(super) fn program(&mut self, wanted: Time, now: Time) -> io::Result<()> {
        // Once as a rule; again when the call has brought a foreign timer to light that must be heeded too.
        loop {
            let first = wanted.min(FOREIGN.due());
            let interval = repetition(first, wanted);
            if first.is_never() || self.programmed.is_some_and(|p| p.covers(first, interval, now)) {
                return Ok(());
            }
            if !self.set(first, interval, now)? {
                return Ok(());
            }
        }
    }

    /// Sets the timer; says whether a foreign timer came to light.
    fn set(&mut self, first: Time, interval: Duration, before: Time) -> io::Result<bool> {
        // Said before it is done: our ring may come before the call returns.
        OURS_FROM.fetch_min(first.as_nanos(), Ordering::SeqCst);
        let rings = RINGS.load(Ordering::Relaxed);
        // Zero would disarm.
        let remaining = first.since(before).max(Duration::from_nanos(1));
        let setting = Setting { remaining, interval }.rounded();
        let held = itimer::set(setting)?;
        let after = clock::now();
        let foreign = self.learn(held, before);
        let untouched = self.programmed.is_none();
        self.programmed = Some(Programmed {
            earliest: before.after(setting.remaining),
            latest: after.after(setting.remaining),
            interval: setting.interval,
        });
        if untouched && after >= first {
            self.settle_first_ring(rings)?;
        }
        Ok(foreign)
    }

    /// The first programming took longer than the time that it programmed: a very short limit, or a thread
    /// that was held up on the way. Then a ring that the handler took for ours may have been the last one of
    /// a foreign timer, rung before the timer was ours.
    ///
    /// Ours rings once. If it is still to come, or if there were two rings, then one was foreign.
    fn settle_first_ring(&mut self, rings_before: usize) -> io::Result<()> {
        let rings = RINGS.load(Ordering::Relaxed).wrapping_sub(rings_before);
        if rings == 0 {
            return Ok(());
        }
        let ours = usize::from(itimer::get()?.remaining.is_zero());
        if rings > ours {
            pending::resend();
        }
        Ok(())
    }

    /// Learns from what the timer held, `before` being a moment before it was asked; says whether a foreign
    /// timer came to light.
    fn learn(&mut self, held: Setting, before: Time) -> bool {
        match self.programmed {
            Some(ours) if ours.explains(held, before) => {
                // A timer that rings once and still holds some time has not rung.
                self.may_ring |= held.remaining.is_zero() || !held.interval.is_zero();
                return false;
            }
            // Somebody has set the timer over ours. It may have rung before.
            Some(_) => {
                self.may_ring = true;
                self.disturbed = true;
            }
            None => {}
        }
        if held == Setting::DISARMED {
            return FOREIGN.take().is_some();
        }
        // A periodic timer whose signal is still under way holds zero until the signal is taken.
        FOREIGN.note(clock::now().after(held.remaining), held.interval);
        true
    }

    /// Leaves the process as it was found. If the kernel refuses, our handler stays where it is, which is
    /// harmless; the default action in its place, with our timer running, would not be.
    pub(super) fn disengage(&mut self) {
        let Some(found) = self.found else { return };
        // In this order. No ring after this line:
        if self.programmed.is_some() {
            let before = clock::now();
            let Ok(held) = itimer::set(Setting::DISARMED) else { return };
            self.learn(held, before);
        }
        // None of ours on its way after this one. Where the timer cannot have rung there is none.
        if self.may_ring {
            match pending::take() {
                Ok(true) => owner::keep(),
                Ok(false) => {}
                Err(_) => return,
            }
        }
        // So that the owner cannot be hit by it:
        self.restore(&found);
        if let Some((due, interval)) = FOREIGN.take() {
            let remaining = clock::until(due).max(Duration::from_nanos(1));
            let _ = itimer::set(Setting { remaining, interval });
        }
        *self = Kernel { owners: std::mem::take(&mut self.owners), ..Kernel::new() };
        owner::send_kept();
    }

    /// Puts back the disposition that our handler stood in front of, unless somebody has replaced ours.
    fn restore(&self, found: &Disposition) {
        // The owner, and not `found`: it may have been good for one signal and have had it. Unless `found` is
        // our own handler, which somebody had left here.
        let owner = if found.is_ours() { Some(found) } else { owner::known() };
        let Some(owner) = owner else { return };
        if self.disturbed && !Disposition::current().is_ok_and(|current| current.is_ours()) {
            return;
        }
        // One call that puts ours away and tells whether it was ours. Where it was not, theirs is put back at
        // once. A SIGALRM in between goes to the owner instead; it can only come from a `kill`, since the
        // timer stands still, and only where somebody replaced the handler without ever setting the timer.
        if let Ok(replaced) = owner.install() {
            if !replaced.is_ours() {
                let _ = replaced.install();
            }
        }
    }

    /// In a forked child: the timer is not inherited, the handler is.
    pub(super) fn renewed(&self) -> Kernel {
        FOREIGN.take();
        owner::start_again();
        if let Some(found) = &self.found {
            if Disposition::current().is_ok_and(|current| current.is_ours()) {
                self.restore(found);
            }
        }
        Kernel { owners: self.owners.clone(), ..Kernel::new() }
    }

    fn kept_for_good(&mut self, disposition: &Disposition) -> &'static Disposition {
        match self.owners.iter().find(|known| known.same_as(disposition)) {
            Some(known) => known,
            None => {
                let known: &'static Disposition = Box::leak(Box::new(*disposition));
                self.owners.push(known);
                known
            }
        }
    }
}

/// How often the kernel must ring again after `first` for the sake of a foreign timer: not at all, or at most
/// every [`AGAIN`], in steps that land on the foreign moment exactly.
///
/// Without it our own ring would use the kernel's timer up, and if nobody checks, the foreign moment would
/// pass unnoticed.
fn repetition(first: Time, wanted: Time) -> Duration {
    let (due, period) = (FOREIGN.due(), FOREIGN.period());
    let distance = if due.is_never() {
        return Duration::ZERO;
    } else if wanted < due {
        due.since(first)
    } else if !period.is_zero() {
        period
    } else {
        return Duration::ZERO;
    };
    let longest = if period.is_zero() { AGAIN } else { AGAIN.min(period) };
    let steps = distance.as_nanos().div_ceil(longest.as_nanos().max(1)).max(1);
    Duration::from_nanos((distance.as_nanos() / steps) as u64).max(QUICKEST)
}
