//! The runtime: timers, the signal handler, and the slow path of checks.
//!
//! A timer's signal sets the *flag*, a byte that every check reads. A check that finds the flag set takes the slow path:
//! 1. It takes the lock.
//! 2. It clears the flag, **then** reads the clock.
//! 3. It expires the alarms that are due, and sets the timers for the next deadlines.
//! 4. It returns an error if an alarm has expired.
//!
//! The flag stays set while an expired alarm lives, so that every later check finds that alarm.
//!
//! The clock alone decides whether an alarm has expired.
//!
//! Four rules decide about timers and signals. `docs/design.md` gives the reasons.
//! 1. Each thread that has alarms has a [`timer`] of its own.
//! 2. The [`handler`] knows the library's signals by their siginfo. It forwards every other signal, a *foreign* signal, at once.
//! 3. The library disarms a timer while SIGALRM is unblocked, so that its pending signal still goes to the library's handler.
//! 4. The handler takes no default action for a signal that could be the library's ([`previous_handler`]).

mod arm;
mod audit;
mod blocked_threads;
mod control;
mod deadline_actions;
mod fork;
mod handler;
mod installation;
mod pause;
mod plan;
mod previous_handler;
mod record;
mod registry;
pub(crate) mod ring_signals;
mod shared;
mod slow_path;
mod state;
mod suspend;
mod thread_state;
mod threads;
mod tickers;
mod timer;
mod watchdog;

pub(crate) use sigalarm_core::implementer::answer;

pub(crate) use self::arm::{arm, arm_ticker, release, release_ticker};
pub(crate) use self::blocked_threads::{Waiting, next_here, next_under, recheck};
pub(crate) use self::control::{
    disarm, enter, extend, inspect, leave, longest_gap, restart, ring, timed_out,
};
#[cfg(feature = "process")]
pub(crate) use self::fork::{ForChild, arm_for_child, prepare};
pub(crate) use self::pause::{lower, pause, pause_thread, shield, unpause};
pub(crate) use self::plan::{CpuOf, Due, Plan, Wishes};
pub(crate) use self::registry::Registered;
use self::shared::SHARED;
#[cfg(sigalarm_shuttle)]
pub(crate) use self::slow_path::check_thread;
pub(crate) use self::slow_path::{check_alarm, checkpoint_at, ticks, unwind_alarm, unwind_thread};
pub(crate) use self::suspend::{resume, suspend};
pub(crate) use self::watchdog::Grace;

#[inline(always)]
pub(crate) fn is_flag_set() -> bool {
    crate::os::flag::flag().is_set()
}

/// Async-signal-safe.
fn set_flags() {
    SHARED.flag.set();
    tickers::set_all();
}
