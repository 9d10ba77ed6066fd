//! Which alarms live, and what is due: pure data.
//!
//! No clock, no lock, no operating system in here: the moment is handed in, so that a test can play through
//! years in a microsecond and hold every answer against a naive list.
//!
//! An alarm is *pending* until its deadline, then *expired* until it is removed or rescheduled. Pending alarms
//! are kept in the order of their deadlines; expired ones in the order in which their scopes enclose each
//! other, for the question that a check asks is "which is the outermost that has expired?". All of it is
//! logarithmic in the number of alarms alive.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::error::{AlarmId, Cause};
use crate::time::Time;

/// A thread, as far as alarms go: the alarms of one scope enclose each other in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(pub(crate) u64);

/// Names an alarm from outside. The id tells a stale key from a slot that has been given to another alarm, as
/// happens to a guard that a forked child inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    slot: usize,
    id: AlarmId,
}

impl Key {
    pub(crate) fn id(self) -> AlarmId {
        self.id
    }
}

/// What an alarm is armed with.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    /// `None` for an alarm without a deadline.
    pub(crate) limit: Option<Duration>,
    pub(crate) deadline: Time,
}

/// A live alarm.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: AlarmId,
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) limit: Option<Duration>,
    /// When the computation began: armed, or last restarted.
    pub(crate) since: Time,
    pub(crate) deadline: Time,
    /// Why it has expired, if it has.
    pub(crate) expired: Option<Cause>,
}

/// All live alarms.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slab<Entry>,
    /// Pending alarms that have a deadline, the earliest first.
    pending: BTreeSet<(Time, AlarmId, usize)>,
    /// Expired alarms, scope by scope, the outermost first.
    expired: BTreeSet<(Scope, AlarmId, usize)>,
    last_id: u64,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule { entries: Slab::new(), pending: BTreeSet::new(), expired: BTreeSet::new(), last_id: 0 }
    }

    /// An empty schedule for a forked child, which goes on counting far ahead: no key of `self` will ever name
    /// an alarm of it, and no id that it gives out is one that `self` will give out after.
    pub(crate) fn successor(&self) -> Schedule {
        const APART: u64 = 1 << 40;
        Schedule { last_id: self.last_id.saturating_add(APART), ..Schedule::new() }
    }

    /// An id that no alarm has or will have.
    pub(crate) fn unused_id(&mut self) -> AlarmId {
        self.last_id += 1;
        AlarmId(self.last_id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn any_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The earliest deadline that is still to come; *never* if there is none.
    pub(crate) fn next(&self) -> Time {
        self.pending.first().map_or(Time::NEVER, |&(deadline, ..)| deadline)
    }

    /// The earliest deadline that is still to come in one scope; *never* if there is none.
    pub(crate) fn next_in(&self, scope: Scope) -> Time {
        let pending = self.entries.iter().map(|(_, entry)| entry).filter(|entry| entry.expired.is_none());
        pending.filter(|entry| entry.scope == scope).map(|entry| entry.deadline).min().unwrap_or(Time::NEVER)
    }

    /// Adds an alarm. It is pending, even if its deadline has passed: [`expire`](Schedule::expire) tells.
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = self.unused_id();
        let Terms { scope, label, limit, deadline } = terms;
        let slot =
            self.entries.insert(Entry { id, scope, label, limit, since: now, deadline, expired: None });
        if !deadline.is_never() {
            self.pending.insert((deadline, id, slot));
        }
        Key { slot, id }
    }

    /// Takes an alarm out; `None` for a stale key.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        self.get(key)?;
        let entry = self.entries.remove(key.slot);
        self.unlist(&entry, key);
        Some(entry)
    }

    /// The alarm of that key; `None` for a stale one.
    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key.slot).filter(|entry| entry.id == key.id)
    }

    /// Gives an alarm a new beginning, limit and deadline; it is pending again, whatever it was.
    pub(crate) fn reschedule(&mut self, key: Key, since: Time, limit: Option<Duration>, deadline: Time) {
        self.change(key, |entry| {
            entry.since = since;
            entry.limit = limit;
            entry.deadline = deadline;
            entry.expired = None;
        });
    }

    /// Expires an alarm at once. One that has expired already keeps its first cause.
    pub(crate) fn ring(&mut self, key: Key, cause: Cause) {
        self.change(key, |entry| {
            entry.expired.get_or_insert(cause);
        });
    }

    /// Expires every alarm whose deadline is not after `now`.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some(&(deadline, id, slot)) = self.pending.first() {
            if deadline > now {
                break;
            }
            self.ring(Key { slot, id }, Cause::Deadline);
        }
    }

    /// The outermost expired alarm among those of `key`'s scope that enclose it, itself included.
    pub(crate) fn expired_around(&self, key: Key) -> Option<&Entry> {
        let own = self.get(key)?;
        self.outermost(own.scope, own.id)
    }

    /// The outermost expired alarm of a scope.
    pub(crate) fn expired_in(&self, scope: Scope) -> Option<&Entry> {
        self.outermost(scope, AlarmId(u64::MAX))
    }

    fn outermost(&self, scope: Scope, innermost: AlarmId) -> Option<&Entry> {
        let outside = (scope, AlarmId(0), 0);
        let inside = (scope, innermost, usize::MAX);
        self.expired.range(outside..=inside).next().map(|&(.., slot)| &self.entries[slot])
    }

    /// Changes an alarm and keeps the two lists in step.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(key.slot).filter(|entry| entry.id == key.id) else {
            return;
        };
        let before = (entry.expired.is_some(), entry.deadline);
        change(entry);
        let (expired, deadline, scope) = (entry.expired.is_some(), entry.deadline, entry.scope);
        if before == (expired, deadline) {
            return;
        }
        match before {
            (true, _) => self.expired.remove(&(scope, key.id, key.slot)),
            (false, deadline) => self.pending.remove(&(deadline, key.id, key.slot)),
        };
        if expired {
            self.expired.insert((scope, key.id, key.slot));
        } else if !deadline.is_never() {
            self.pending.insert((deadline, key.id, key.slot));
        }
    }

    fn unlist(&mut self, entry: &Entry, key: Key) {
        if entry.expired.is_some() {
            self.expired.remove(&(entry.scope, key.id, key.slot));
        } else {
            self.pending.remove(&(entry.deadline, key.id, key.slot));
        }
    }
}

#[cfg(test)]
mod tests;
