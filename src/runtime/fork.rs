//! A forked child starts without alarms and with the lock free.

use std::mem::{self, ManuallyDrop};

use once_cell::race::OnceBool;
use sigalarm_core::implementer;

use super::audit::Audits;
use super::deadline_timer::{self, DeadlineTimers};
use super::shared::SHARED;
use super::slow_path::HOOK;
use super::state::{STATE, State};
use super::thread_state::at_thread_end;
use super::timer::interval::IntervalTimer;
use super::{FLAG, blocked_threads, handler, tickers};
use crate::error::ArmError;
use crate::os::fork::{self, ForkMutex, ForkSafe};
use crate::os::{single_threaded, thread_end};
use crate::schedule::Schedule;

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    /// Writes only what must change, because each page that a child writes to is copied. All is inlined, because each page of
    /// code that a child runs first costs a page fault.
    #[inline]
    fn start_again(&mut self) {
        SHARED.expiries.reset();
        blocked_threads::start_again();
        self.threads.start_again();
        self.installation.remove();
        self.signals.start_again();
        tickers::start_again();
        deadline_timer::start_again();
        FLAG.reset();
        // None of these is dropped: a child frees nothing, for the heap may be in the middle of a change.
        let _: Option<ManuallyDrop<Schedule>> = self.schedule.start_again();
        mem::forget(mem::replace(&mut self.deadlines, DeadlineTimers::new()));
        mem::forget(mem::replace(&mut self.audits, Audits::new()));
        self.interval = IntervalTimer::new();
        self.interval_owner = None;
        (self.active, self.clock_only, self.blocked, self.suspended) = (0, 0, 0, 0);
    }
}

/// Registers the hooks that have a forked child start without alarms and with the lock free. Must be called before the lock
/// is taken.
///
/// Two threads may do so at once, and the hooks allow for it. No thread waits for another here: in a child that is forked
/// meanwhile there is no other.
pub(crate) fn prepare() -> Result<(), ArmError> {
    static DONE: OnceBool = OnceBool::new();
    let prepare = || {
        SHARED.bit.assign(implementer::register(&HOOK).map_err(ArmError::too_many)?);
        handler::prepare();
        single_threaded::prepare();
        thread_end::prepare(at_thread_end).map_err(|e| ArmError::system("pthread_key_create", e))?;
        fork::register::<State>().map(|()| true).map_err(|e| ArmError::system("pthread_atfork", e))
    };
    DONE.get_or_try_init(prepare).map(drop)
}
