//! Reads and changes alarms.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::blocked_threads::is_any_blocked;
use super::state::{STATE, State, state_prepared};
use super::thread_state;
use crate::error::{Cause, Expiry, TimedOut};
use crate::gap::Gap;
use crate::os::clock;
use crate::schedule::{Entry, Key, Schedule, Standing};
use crate::time::Time;

pub(crate) fn inspect<T>(key: Key, ask: impl FnOnce(&Entry, Time) -> T) -> Option<T> {
    let state = STATE.lock();
    let now = clock::now();
    state.schedule.get(key).map(|entry| ask(entry, now))
}

fn change(key: Key, change: impl FnOnce(&mut Schedule, Time)) -> bool {
    let mut state = STATE.lock();
    let now = clock::now();
    change(&mut state.schedule, now);
    let Some(entry) = state.schedule.get(key) else { return false };
    let (scope, deadline) = (entry.scope, entry.deadline);
    if entry.is_plain()
        && entry.expired.is_none()
        && !is_any_blocked()
        && state.threads.of(scope).is_some_and(|thread| thread.covers(deadline, now))
    {
        return true;
    }
    state.settle_changed(key, now);
    true
}

impl State {
    pub(super) fn settle_changed(&mut self, key: Key, now: Time) {
        let Some(entry) = self.schedule.get(key) else { return };
        self.actions.change(entry);
        let scope = entry.scope;
        self.settle(scope, now);
    }
}

pub(crate) fn restart(key: Key) {
    let _ = change(key, |schedule, now| schedule.restart(key, now, clock::cpu_now));
}

pub(crate) fn extend(key: Key, more: Duration) {
    let _ = change(key, |schedule, _| schedule.extend(key, more));
}

pub(crate) fn disarm(key: Key) {
    let _ = change(key, |schedule, _| schedule.disarm(key));
}

pub(crate) fn ring(key: Key, cause: Cause) -> bool {
    change(key, |schedule, _| schedule.ring(key, cause))
}

pub(crate) fn longest_gap(key: Key) -> Option<Gap> {
    STATE.lock().audits.longest(key)
}

/// Makes the calling thread's checks include another thread's alarm, which becomes the calling thread's innermost alarm.
pub(crate) fn enter(key: Key) -> Standing {
    let scope = thread_state::scope_registered();
    STATE.lock().schedule.enter(key, scope)
}

pub(crate) fn leave(standing: Standing) {
    STATE.lock().schedule.leave(standing);
}

/// Returns the error of a limit that is no alarm.
pub(crate) fn timed_out(
    label: Option<Arc<str>>,
    limit: Option<Duration>,
    elapsed: Duration,
    location: &'static Location<'static>,
) -> TimedOut {
    // Not `STATE.lock()`, because only `state_prepared` registers the hook that knows the names of signals. The text of the error
    // may need them.
    let id = state_prepared().schedule.next_id();
    let mut expiry = Expiry::new(id, Cause::Deadline, elapsed, location.into());
    (expiry.label, expiry.limit) = (label, limit);
    expiry.into_error()
}
