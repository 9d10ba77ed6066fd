//! Alarms are asked and changed.

use std::time::Duration;

use super::expired::Moment;
use super::state::{STATE, State, state_prepared};
use super::{rehearsal, thread};
use crate::error::{AlarmId, Cause};
use crate::gap::Gap;
use crate::os::clock;
use crate::schedule::{Entry, Key, Schedule, Standing};
use crate::time::Time;

/// What the schedule says of an alarm, and the time by the clock; `None` for a key from before a fork.
pub(crate) fn inspect<T>(key: Key, ask: impl FnOnce(&Entry, Time) -> T) -> Option<T> {
    let mut state = STATE.lock();
    if let Some((stage, _)) = state.rehearsed(key.stage()) {
        return stage.schedule.get(key).map(|entry| ask(entry, stage.now));
    }
    let now = clock::now();
    state.schedule.get(key).map(|entry| ask(entry, now))
}

/// Changes an alarm, and brings everything in step with it.
fn change(key: Key, change: impl FnOnce(&mut Schedule, Moment)) {
    let mut state = STATE.lock();
    if key.stage().is_some() {
        if let Some((stage, _)) = state.rehearsed(key.stage()) {
            let moment = stage.moment();
            change(&mut stage.schedule, moment);
            stage.settle();
        }
        return;
    }
    let now = clock::now();
    change(&mut state.schedule, Moment { now, rehearsed: false });
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
    change(key, |schedule, moment| schedule.restart(key, moment.now, |clock| moment.cpu(clock)));
    if key.stage().is_some() {
        rehearsal::direct(key, |script| script.disarmed = false);
    }
}

pub(crate) fn extend(key: Key, more: Duration) {
    change(key, |schedule, _| schedule.extend(key, more));
}

pub(crate) fn disarm(key: Key) {
    change(key, |schedule, _| schedule.disarm(key));
    if key.stage().is_some() {
        rehearsal::direct(key, |script| script.disarmed = true);
    }
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
    let mut state = STATE.lock();
    if let Some((stage, life)) = state.rehearsed(key.stage()) {
        stage.schedule.take_id_from(life);
        return stage.schedule.enter(key, thread::scope());
    }
    state.schedule.enter(key, thread::scope())
}

/// Takes it from the thread again.
pub(crate) fn leave(standing: Standing) {
    let mut state = STATE.lock();
    match state.rehearsed(standing.stage()) {
        Some((stage, _)) => stage.schedule.leave(standing),
        None => state.schedule.leave(standing),
    }
}

/// An id for a limit that is kept by other means than an alarm.
pub(crate) fn unused_id() -> AlarmId {
    state_prepared().schedule.next_id()
}
