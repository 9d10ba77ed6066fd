//! The kernel's side kept in step with the schedule: the one timer, and the disposition of its signal.
//!
//! While an alarm lives our handler is in place of the program's. The timer is programmed for the earliest
//! moment that anybody waits for, once; whoever answers the ring programs it for the next. A timer that is
//! set too early costs one stray ring and no system call to mend, so it is left as it is.

mod stand_in;
mod timer;

use std::mem;
use std::time::Duration;

use super::account::Account;
use super::foreign::FOREIGN;
use super::given_back::GivenBack;
use super::programmed::Programmed;
use super::signals::Signals;
use super::{last_resort, owner, tickers, waiters};
use crate::error::ArmError;
use crate::os::clock;
use crate::os::disposition::{Disposition, Manner};
use crate::time::Time;

/// How often the kernel rings again where somebody waits who cannot check.
pub(super) const AGAIN: Duration = Duration::from_millis(10);

/// No repetition is quicker than this, whatever a foreign timer asks for.
const QUICKEST: Duration = Duration::from_millis(1);

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
            let before = self.let_ring(must_ask, clock::now());
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
