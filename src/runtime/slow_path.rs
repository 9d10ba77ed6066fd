//! The slow path: what a check does when the flag is set.
//!
//! A process may have several *implementations* of `sigalarm-core`, such as two versions of this library. `checkpoint()` asks
//! each implementation for its expired alarms, and this library answers through [`HOOK`]. A check of one alarm asks this library
//! first, then the other implementations, whose alarms may enclose that alarm.
//!
//! The functions that checks call are `extern "C"`, so the compiler knows that they do not unwind. A check then needs no cleanup
//! code, and a loop can keep its values in registers.

use std::panic::Location;
use std::thread;

use nix::sys::signal::Signal;
use sigalarm_core::implementer::{self, Hook, answer};

use super::blocked_threads::is_any_blocked;
use super::shared::SHARED;
use super::state::{STATE, State};
use super::thread_state;
use crate::error::{AlarmId, Cause, Expiry, TimedOut};
use crate::os::clock;
use crate::os::flag::Flag;
use crate::schedule::{Entry, INNERMOST, Key, Scope};
use crate::testing;
use crate::time::Time;

pub(super) static HOOK: Hook = Hook::new(check_own)
    .before_error(testing::note_error)
    .signal_name(|number| Signal::try_from(number).ok().map(Signal::as_str));

fn check_own(innermost: Option<AlarmId>, location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    let asker = thread_state::scope();
    STATE.lock().check((asker, innermost.unwrap_or(INNERMOST)), asker, location)
}

/// Checks an alarm and the alarms that enclose it. Other implementations can check only the calling thread's alarms, so they are
/// asked only if that thread armed the alarm.
#[cold]
#[inline(never)]
pub(crate) extern "C" fn check_alarm(
    key: &Key,
    location: &'static Location<'static>,
) -> Option<Box<TimedOut>> {
    let mut state = STATE.lock();
    let asker = thread_state::scope();
    let home = state.schedule.get(*key).map(|entry| entry.scope);
    let own = home.filter(|_| SHARED.flag.is_set());
    let own = own.and_then(|home| state.check((home, key.id()), asker, location));
    drop(state);
    if home != Some(asker) {
        return own;
    }
    implementer::outermost(own, SHARED.flag.mask(), key.id(), location)
}

#[cfg(not(sigalarm_shuttle))]
pub(crate) use sigalarm_core::implementer::check_thread;

/// A build over the simulated kernel has no other implementation to ask.
#[cfg(sigalarm_shuttle)]
pub(crate) fn check_thread(location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    check_own(None, location)
}

/// Checks as `checkpoint()` does, even if the flag is clear.
pub(crate) fn checkpoint_at(location: &'static Location<'static>) -> Result<(), TimedOut> {
    let own = check_own(None, location);
    answer(implementer::outermost(own, SHARED.flag.mask(), INNERMOST, location))
}

#[cold]
#[inline(never)]
pub(crate) extern "C" fn unwind_alarm(
    key: &Key,
    location: &'static Location<'static>,
) -> Option<Box<TimedOut>> {
    check_alarm(key, location).filter(|_| !thread::panicking())
}

#[cold]
#[inline(never)]
pub(crate) extern "C" fn unwind_thread(location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    check_thread(location).filter(|_| !thread::panicking())
}

/// Returns how many periods of a ticker have passed since the last call.
#[cold]
#[inline(never)]
pub(crate) extern "C" fn ticks(key: &Key, flag: &'static Flag) -> u64 {
    let mut state = STATE.lock();
    // In a forked child, the flag may belong to a ticker of the child.
    if state.schedule.get(*key).is_none() {
        return 0;
    }
    // The flag is cleared before the clock is read. Otherwise a signal in between would be lost.
    flag.clear();
    let now = state.look();
    state.schedule.ticks(*key, now)
}

impl State {
    /// Checks the alarms of the thread `scope` with ids up to `innermost`. The calling thread is `asker`.
    fn check(
        &mut self,
        (scope, innermost): (Scope, AlarmId),
        asker: Scope,
        location: &'static Location<'static>,
    ) -> Option<Box<TimedOut>> {
        let now = self.look_for_check(location);
        let shield = self.schedule.shield_of(asker);
        if self.schedule.any_counting() {
            self.schedule.count((scope, innermost), shield, location, now);
            self.publish_count(now);
        }
        let expired = self.schedule.outermost(scope, innermost, shield)?;
        self.answer(expired, scope, now, location)
    }

    #[inline]
    pub(super) fn look_for_check(&mut self, location: &'static Location<'static>) -> Time {
        let (now, scope) = (self.clear_flag(), thread_state::scope());
        let is_audited = !self.audits.is_empty();
        if is_audited {
            let every_check = self.needs_every_check();
            self.audits.end_gap(scope, now, location, every_check);
        }
        self.look_at(now);
        if is_audited {
            self.settle_thread(scope, now);
            self.describe(scope);
        }
        if is_any_blocked() {
            self.settle_if_blocked(scope, now);
        }
        now
    }

    #[cold]
    fn publish_count(&mut self, now: Time) {
        self.wake_blocked(now);
        self.publish(now);
    }

    #[cold]
    fn answer(
        &mut self,
        expired: Key,
        asked: Scope,
        now: Time,
        location: &'static Location<'static>,
    ) -> Option<Box<TimedOut>> {
        self.schedule.note_error(expired, location);
        let expired = self.schedule.get(expired)?;
        self.actions.answered(&self.schedule, expired.scope);
        // `expired` may be another thread's alarm that the checked thread, `asked`, has entered. The error then disarms the
        // watchdogs of both threads.
        if asked != expired.scope {
            self.actions.answered(&self.schedule, asked);
        }
        timed_out(expired, now, location).map(Box::new)
    }
}

fn timed_out(entry: &Entry, now: Time, location: &'static Location<'static>) -> Option<TimedOut> {
    let cause = entry.expired?;
    let (limit, elapsed) = match entry.more().cpu.filter(|_| cause == Cause::Cpu) {
        Some(cpu) => {
            let used = clock::cpu_now(cpu.clock).map_or(cpu.limit, |now| now.since(cpu.since));
            (Some(cpu.limit), used)
        }
        None if cause == Cause::Deadline => (Some(entry.deadline.since(entry.since)), entry.elapsed(now)),
        None => (entry.limit, entry.elapsed(now)),
    };
    let mut expiry = Expiry::new(entry.id, cause, elapsed, location.into());
    (expiry.label, expiry.limit) = (entry.label.clone(), limit);
    Some(expiry.into_error())
}
