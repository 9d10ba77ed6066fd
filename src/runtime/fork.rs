//! Resets the library in a forked child, which starts without alarms and with the lock free.

use std::mem;

use once_cell::race::OnceBool;
use sigalarm_core::implementer;

#[cfg(feature = "process")]
use super::arm::{arm, release};
use super::audit::Audits;
use super::deadline_actions::{self, DeadlineActions};
#[cfg(feature = "process")]
use super::plan::Plan;
use super::shared::SHARED;
use super::slow_path::HOOK;
use super::state::{STATE, State};
use super::thread_state::at_thread_end;
use super::{blocked_threads, handler, tickers};
use crate::error::ArmError;
use crate::os::atomic::Ordering;
#[cfg(feature = "process")]
use crate::os::clock;
use crate::os::fork::{self, ForkMutex, ForkSafe};
use crate::os::{single_threaded, thread_end};
#[cfg(feature = "process")]
use crate::schedule::Key;
use crate::schedule::Schedule;
#[cfg(feature = "process")]
use crate::time::Time;

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    /// A child pays a page fault for each page that it writes to, or whose code it runs. So this function is inlined, and writes
    /// only what must change.
    #[inline]
    fn start_again(&mut self) {
        SHARED.expiries.reset();
        #[cfg(feature = "process")]
        if let Some(clocks) = self.handed_over.take() {
            return self.set_interval_again(clocks);
        }
        self.timers.start_again();
        blocked_threads::start_again();
        self.signals.start_again();
        if self.is_idle() && self.threads.may_stay_in_child() {
            self.installation.remove();
            return self.schedule.skip_ids();
        }
        self.threads.start_again();
        self.installation.remove();
        tickers::start_again();
        deadline_actions::start_again();
        SHARED.any_alarm.store(false, Ordering::SeqCst);
        SHARED.flag.reset();
        // Nothing is dropped: a child frees no memory, because another thread may have been changing the heap at the fork.
        mem::forget(mem::replace(&mut self.schedule, Schedule::new()));
        self.schedule.skip_ids();
        mem::forget(mem::replace(&mut self.actions, DeadlineActions::new()));
        mem::forget(mem::replace(&mut self.audits, Audits::new()));
        self.active = 0;
    }
}

/// Arms an alarm for the next child, which inherits the alarm if it is forked before the result is dropped. Returns `None` if
/// there are other alarms, or if the alarm must use a private timer, which a child would lack.
///
/// The parent arms the alarm, because arming in the child would cost page faults for a dozen more pages.
#[cfg(feature = "process")]
pub(crate) fn arm_for_child(plan: Plan<'_>, clocks: (Time, Time)) -> Option<ForChild> {
    prepare().ok()?;
    if !STATE.lock().is_idle() {
        return None;
    }
    let alarm = ForChild(arm(plan).ok()?);
    let is_handed_over = {
        let mut state = STATE.lock();
        state.handed_over = state.timers.use_interval().then_some(clocks);
        state.handed_over.is_some()
    };
    is_handed_over.then_some(alarm)
}

#[cfg(feature = "process")]
pub(crate) struct ForChild(Key);

#[cfg(feature = "process")]
impl Drop for ForChild {
    fn drop(&mut self) {
        STATE.lock().handed_over = None;
        release(self.0);
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.schedule.is_empty() && self.active == 0 && self.timers.suspended == 0
    }

    /// The arguments are the same moment on the library's clock and on the kernel's. The child reads only the kernel's clock, by
    /// a system call, because the code that reads the library's clock would cost two more page faults.
    #[cfg(feature = "process")]
    #[inline]
    fn set_interval_again(&mut self, (now, kernel_now): (Time, Time)) {
        self.schedule.skip_ids();
        let clock = || now.after(clock::kernel_now().since(kernel_now));
        self.timers.set_interval_again(&mut self.threads, clock);
    }
}

/// Registers the hooks that run at a fork. Must be called before the lock is taken.
///
/// Two threads may run this function at once. Neither waits for the other: a child that is forked during the wait would lack the
/// other thread, and would wait for ever.
pub(crate) fn prepare() -> Result<(), ArmError> {
    static DONE: OnceBool = OnceBool::new();
    let prepare = || {
        SHARED.flag.assign(implementer::register(&HOOK).map_err(ArmError::too_many)?);
        handler::prepare();
        single_threaded::prepare();
        thread_end::prepare(at_thread_end).map_err(|e| ArmError::system("pthread_key_create", e))?;
        fork::register::<State>().map(|()| true).map_err(|e| ArmError::system("pthread_atfork", e))
    };
    DONE.get_or_try_init(prepare).map(drop)
}
