//! Alarms are asked and changed.

use std::time::Duration;

use super::state::{STATE, State, state_prepared};
use super::thread;
use crate::error::{AlarmId, Cause};
use crate::gap::Gap;
use crate::os::clock;
use crate::schedule::{Entry, Key, Schedule, Standing};
use crate::time::Time;

/// What the schedule says of an alarm, and the time by the clock; `None` for a key from before a fork.
pub(crate) fn inspect<T>(key: Key, ask: impl FnOnce(&Entry, Time) -> T) -> Option<T> {
    let state = STATE.lock();
    let now = clock::now();
    state.schedule.get(key).map(|entry| ask(entry, now))
}

/// What the schedule says of the alarm of that id. It looks at every alarm.
pub(crate) fn find<T>(id: AlarmId, ask: impl FnOnce(&Entry) -> T) -> Option<T> {
    STATE.lock().schedule.find(id).map(ask)
}

/// Changes an alarm, and brings everything in step with it.
fn change(key: Key, change: impl FnOnce(&mut Schedule, Time)) {
    let mut state = STATE.lock();
    let now = clock::now();
    change(&mut state.schedule, now);
    if state.is_in_step(now)
        && state.schedule.get(key).is_none_or(|entry| entry.is_plain() && entry.expired.is_none())
    {
        return;
    }
    let State { schedule, last_resorts, .. } = &mut *state;
    last_resorts.change(key, schedule.get(key));
    state.settle(now);
}

pub(crate) fn restart(key: Key) {
    change(key, |schedule, now| schedule.restart(key, now, clock::cpu_now));
}

pub(crate) fn extend(key: Key, more: Duration) {
    change(key, |schedule, _| schedule.extend(key, more));
}

pub(crate) fn disarm(key: Key) {
    change(key, |schedule, _| schedule.disarm(key));
}

/// Expires an alarm at once.
pub(crate) fn ring(key: Key, cause: Cause) {
    change(key, |schedule, _| schedule.ring(key, cause));
}

/// The longest stretch without a check that an alarm's audit has seen.
pub(crate) fn longest_gap(key: Key) -> Option<Gap> {
    STATE.lock().audits.longest(key)
}

/// Makes an alarm one of the calling thread's; hands back where it stands among them.
pub(crate) fn enter(key: Key) -> Standing {
    STATE.lock().schedule.enter(key, thread::scope())
}

/// Takes it from the thread again.
pub(crate) fn leave(standing: Standing) {
    STATE.lock().schedule.leave(standing);
}

/// An id for a limit that is kept by other means than an alarm.
pub(crate) fn unused_id() -> AlarmId {
    state_prepared().schedule.next_id()
}
