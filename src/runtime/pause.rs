//! Shields and pauses. Inside a shield, checks ignore the enclosing alarms. The time of a pause does not count towards any limit.

use std::panic::Location;

use super::blocked_threads::is_any_blocked;
use super::state::{STATE, State, state_prepared};
use super::thread_state;
use crate::error::AlarmId;
use crate::os::clock;
use crate::schedule::{Key, Scope};

/// The thread of a shield, and the id of the previous shield. `lower` restores that id. A shield ignores alarms with ids up to
/// its own.
pub(crate) struct Shield(Scope, AlarmId);

pub(crate) fn shield() -> Shield {
    let scope = thread_state::scope_registered();
    let mut state = state_prepared();
    let last = state.schedule.next_id();
    Shield(scope, state.schedule.set_shield(scope, last))
}

/// Does nothing in a forked child, whose thread has a new scope without a shield.
pub(crate) fn lower(shield: &Shield) {
    if thread_state::scope() == shield.0 {
        let mut state = STATE.lock();
        let _ = state.schedule.set_shield(shield.0, shield.1);
        // An alarm may have expired inside the shield, and must end a wait of this thread now.
        if is_any_blocked() {
            state.settle_if_blocked(shield.0, clock::now());
        }
    }
}

pub(crate) fn pause_thread(location: &'static Location<'static>) -> Vec<Key> {
    let scope = thread_state::scope();
    if scope == Scope::NONE {
        return Vec::new();
    }
    let mut state = STATE.lock();
    let keys = state.schedule.path(scope).into_iter().map(|(key, _)| key).collect();
    state.pause(keys, location)
}

pub(crate) fn pause(key: Key, location: &'static Location<'static>) -> Vec<Key> {
    STATE.lock().pause(vec![key], location)
}

pub(crate) fn unpause(keys: &[Key]) {
    if keys.is_empty() {
        return;
    }
    let mut state = STATE.lock();
    let now = clock::now();
    for key in keys {
        if state.schedule.unpause(*key, now) {
            state.audits.restart_gap(*key, now);
        }
        state.settle_changed(*key, now);
    }
}

impl State {
    fn pause(&mut self, mut keys: Vec<Key>, location: &'static Location<'static>) -> Vec<Key> {
        // `look_for_check` also expires the alarms that are already due, and those are not paused.
        let now = self.look_for_check(location);
        keys.retain(|key| self.schedule.pause(*key, now));
        for key in &keys {
            self.audits.pause(*key);
            self.settle_changed(*key, now);
        }
        keys
    }
}
