use std::mem;

use super::{Entry, INNERMOST, Key, OUTERMOST, Schedule, Scope, Standing};
use crate::error::AlarmId;
use crate::time::Time;

impl Schedule {
    pub(crate) fn enter(&mut self, key: Key, scope: Scope) -> Standing {
        let standing = (scope, self.next_id(), key.slot());
        // The thread that armed the alarm checks it anyway. Only another thread needs an entry in `entered`.
        if self.get(key).is_some_and(|entry| entry.scope != scope) {
            self.entered.insert(standing);
        }
        standing
    }

    pub(crate) fn leave(&mut self, standing: Standing) {
        self.entered.remove(&standing);
    }

    pub(crate) fn set_shield(&mut self, scope: Scope, last: AlarmId) -> AlarmId {
        let index = scope.index();
        if index >= self.threads.len() {
            self.add_threads(index);
        }
        mem::replace(&mut self.threads[index].shield, last)
    }

    pub(crate) fn shield_of(&self, scope: Scope) -> AlarmId {
        let thread = self.threads.get(scope.index()).filter(|_| scope != Scope::NONE);
        thread.map_or(OUTERMOST, |thread| thread.shield)
    }

    /// Returns the earliest deadline that may end the thread's wait. The alarm `key` and the alarms around it also end
    /// the wait. The result may be too early, because it includes alarms nested in `key` or in an entered alarm.
    pub(crate) fn next_for(&self, scope: Scope, key: Option<Key>) -> Time {
        let under = key.and_then(|key| self.get(key)).map(|entry| self.next_within(entry.scope, entry.id));
        self.next_within(scope, INNERMOST).min(under.unwrap_or(Time::NEVER))
    }

    fn next_within(&self, scope: Scope, innermost: AlarmId) -> Time {
        let entered = self.entered_in(scope, innermost).map(|entry| self.next_within(entry.scope, entry.id));
        entered.min().unwrap_or(Time::NEVER).min(self.next_of(scope))
    }

    pub(crate) fn is_expired_for(&self, scope: Scope, key: Option<Key>) -> bool {
        self.expired_around(None, scope).or_else(|| self.expired_around(Some(key?), scope)).is_some()
    }

    pub(crate) fn has_any_in(&self, scope: Scope) -> bool {
        self.alarms_of(scope) > 0 || self.entered_in(scope, INNERMOST).next().is_some()
    }

    /// Returns the expired alarm that a check on the thread `asker` must report: a check of `key`, or of all its alarms.
    pub(super) fn expired_around(&self, key: Option<Key>, asker: Scope) -> Option<Key> {
        let (scope, innermost) = match key {
            Some(key) => self.get(key).map(|entry| (entry.scope, entry.id))?,
            None => (asker, INNERMOST),
        };
        self.outermost(scope, innermost, self.shield_of(asker))
    }

    /// Returns the outermost of a thread's expired alarms whose ids are above `shield` and at most `innermost`.
    pub(crate) fn outermost(&self, scope: Scope, innermost: AlarmId, shield: AlarmId) -> Option<Key> {
        if self.expired.is_empty() || innermost <= shield {
            return None;
        }
        let first = self.expired.range((scope, shield, usize::MAX)..).next();
        let own = first.filter(|(found, id, _)| *found == scope && *id <= innermost);
        let own = own.map(|&(_, id, slot)| Key::new(id, slot));
        if self.entered.is_empty() {
            return own;
        }
        let within = own.map_or(innermost, Key::id);
        // An alarm that was entered before `own` was armed encloses `own`. Each call gets a lower id, because an
        // alarm's id is lower than that of an entry into it.
        self.entered_in(scope, within).find_map(|entry| self.outermost(entry.scope, entry.id, shield)).or(own)
    }

    pub(super) fn entered_in(&self, scope: Scope, innermost: AlarmId) -> impl Iterator<Item = &Entry> {
        let range = (scope, OUTERMOST, 0)..=(scope, innermost, usize::MAX);
        self.entered.range(range).map(|&(.., slot)| self.entries.at(slot))
    }
}
