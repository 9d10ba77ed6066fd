//! The schedule and the kernel's side of it, behind one lock, and how they are kept in step.

use std::mem::{self, ManuallyDrop};
use std::time::Duration;

use once_cell::race::OnceBool;

use super::audit::Audits;
use super::kernel::{self, Kernel};
use super::last_resort::LastResorts;
use super::signals::{self, Signals};
use super::{BELL, on_signal, rouse, thread, waiters};
use crate::error::ArmError;
use crate::os::clock;
use crate::os::fork::{self, ForkMutex, ForkSafe, MutexGuard};
use crate::os::{pending, preserve_all};
use crate::schedule::Schedule;
use crate::time::Time;

/// The schedule and the kernel's side of it, changed together under one lock. Nothing that is done under it
/// calls the program's code, so it cannot be entered twice; no handler takes it.
pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) kernel: Kernel,
    pub(super) signals: Signals,
    pub(super) last_resorts: LastResorts,
    pub(super) audits: Audits,
    /// How many alarms only stand by: no time expires them, and the kernel is not needed for them.
    pub(super) standing_by: usize,
    /// How many alarms were expired when those who wait were last told.
    told_expired: usize,
}

impl State {
    const fn new(schedule: Schedule) -> State {
        State {
            schedule,
            kernel: Kernel::new(),
            signals: Signals::new(),
            last_resorts: LastResorts::new(),
            audits: Audits::new(),
            standing_by: 0,
            told_expired: 0,
        }
    }
}

pub(super) static STATE: ForkMutex<State> = ForkMutex::new(State::new(Schedule::new()));

impl State {
    /// Answers the bell for a check: afterwards nothing that was due at the returned moment is pending.
    pub(super) fn look(&mut self) -> Time {
        // The race: a handler on another thread rings while we still the bell.
        // - Its ring lands before our clearing, and is wiped out. Then its moment had come before, and the
        //   clock, which is read after, shows so: the look finds it due. (That the clearing is visible to
        //   everybody before the clock is read is `clear`'s promise. Without it the clearing could come late,
        //   and wipe out a ring of later than what the clock showed: an alarm lost.)
        // - Its ring lands after our clearing. It stays, and the next check looks again.
        //
        // With an expired alarm alive the bell must not be still for a moment: a check of that alarm on
        // another thread, which has been told so before, would find it well again. Nor with one that counts: a
        // check on another thread would not be counted.
        self.audits.take_ring();
        if !self.schedule.any_expired() && !self.schedule.any_counting() {
            BELL.clear();
        }
        let now = clock::now();
        self.audits.look(now);
        self.look_at(now)
    }

    /// The same for one whose question is not a check. Where the checks are watched the bell is left for them to answer.
    pub(super) fn look_aside(&mut self) -> Time {
        if self.audits.is_empty() { self.look() } else { self.look_at(clock::now()) }
    }

    fn look_at(&mut self, now: Time) -> Time {
        for number in signals::take_arrived() {
            // A second one that came between the last answer and its announcement to the handler: nobody listens
            // any more, so it is the owner's.
            if !self.schedule.signal(number) {
                pending::resend_signal(number);
            }
        }
        // With alarms that stand by and have no deadline there is nothing to bring in step. The flag is set for them.
        let is_settled = self.is_idle() && self.schedule.next().is_never() && BELL.is_set();
        if !is_settled {
            self.settle(now);
        }
        now
    }

    /// Whether everything is in step as it is, after a plain alarm has come or begun again. The short way, for nearly
    /// every nested guard and every restart.
    ///
    /// The timer's moment tells. If that comes once, and no later than the alarms', it was set for them or for somebody who
    /// is earlier, and nobody is owed a repetition: no thread that waits, and nobody whom the handler must see after it.
    /// Whatever keeps the bell rung has nothing to do with an alarm that has not expired.
    pub(super) fn is_in_step(&self, now: Time) -> bool {
        self.kernel.covers(self.schedule.next(), Duration::ZERO, now)
    }

    /// Brings bell and timer in step with the schedule.
    pub(super) fn settle(&mut self, now: Time) {
        let programmed = self.try_settle(now).unwrap_or(false);
        // Should the kernel refuse to set the timer, or must it be left alone, the bell stays rung: then every
        // check comes here and reads the clock. Slow, and still right.
        if !programmed {
            rouse();
        }
    }

    /// The same; says whether the kernel will ring.
    pub(super) fn try_settle(&mut self, now: Time) -> Result<bool, ArmError> {
        self.schedule.expire(now, clock::cpu_now);
        if self.signals.in_use() {
            signals::publish(self.schedule.listening());
        }
        let expired = self.schedule.count_expired();
        // To count checks every check must come.
        if expired > 0 || self.schedule.any_counting() {
            BELL.set();
        }
        self.audits.watch(now, &BELL);
        let mut wanted = self.schedule.next().min(self.audits.next(now, &BELL));
        if self.kernel.is_awaited() {
            // Whoever waits must be told, also if some other thread was the first to notice.
            if expired > self.told_expired {
                waiters::wake_others();
            }
            // And told again, if this, or a signal that rings, came between its check and its wait.
            if expired > 0 || self.signals.in_use() {
                wanted = wanted.min(now.after(kernel::AGAIN));
            }
        }
        self.told_expired = expired;
        // Then the kernel is none of our business.
        if self.is_idle() {
            return Ok(true);
        }
        self.kernel.program(wanted, now, &self.signals)
    }

    /// Whether there is nothing for which our handler must be in place: no alarm but those that stand by, and nobody waits.
    pub(super) fn is_idle(&self) -> bool {
        self.schedule.len() == self.standing_by && !self.kernel.is_awaited()
    }
}

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    /// In place, and what is as it should be is left alone: each page that a child writes to has to be copied.
    fn start_again(&mut self) {
        thread::start_again();
        self.kernel.start_again();
        self.signals.start_again();
        if BELL.is_set() {
            BELL.clear();
        }
        // None of these is dropped: nothing is freed in a child.
        let _: Option<ManuallyDrop<Schedule>> = self.schedule.start_again();
        mem::forget(mem::replace(&mut self.last_resorts, LastResorts::new()));
        mem::forget(mem::replace(&mut self.audits, Audits::new()));
        self.standing_by = 0;
        self.told_expired = 0;
    }
}

/// What must happen once before the first alarm, and before anybody takes the lock, so that a forked child begins with
/// no alarms, with ids of its own, and with the lock free.
///
/// Two threads may be in here at once, and both register the hooks, which allow for it. To have one wait for the other
/// would hang a child that is forked just then: it has no other.
pub(crate) fn prepare() -> Result<(), ArmError> {
    static DONE: OnceBool = OnceBool::new();
    let prepare = || {
        on_signal::prepare();
        preserve_all::prepare();
        fork::register::<State>().map(|()| true)
    };
    DONE.get_or_try_init(prepare).map_err(|e| ArmError::system("pthread_atfork", e))?;
    Ok(())
}

/// The lock, for those who may come before any alarm and cannot fail. Without hooks all goes well until the program forks
/// in the very moment in which another thread holds the lock.
pub(super) fn state_prepared() -> MutexGuard<'static, State> {
    let _ = prepare();
    STATE.lock()
}
