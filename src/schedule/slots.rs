//! The alarms, each in a slot of its own that is used again when it is free.
//!
//! An entry is written where it stands and taken apart there. To hand over ten words that have just been written one
//! by one makes the processor wait until they have reached the cache: a store like `slab`, which takes its values and
//! gives them back whole, spent a quarter of a nested guard's time on that.

use super::{Entry, Key, Removed, Scope, Terms};
use crate::error::AlarmId;
use crate::time::Time;

/// What no alarm is called: the slot is free.
const NOBODY: AlarmId = AlarmId(0);

#[derive(Debug)]
pub(super) struct Slots {
    entries: Vec<Entry>,
    free: Vec<usize>,
}

impl Slots {
    pub(super) const fn new() -> Slots {
        Slots { entries: Vec::new(), free: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.len() == self.free.len()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Puts an alarm into a free slot.
    #[inline(always)]
    pub(super) fn insert(&mut self, id: AlarmId, terms: Terms, now: Time) -> (usize, &mut Entry) {
        debug_assert_ne!(id, NOBODY);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(VACANT);
            self.entries.len() - 1
        });
        let entry = &mut self.entries[slot];
        let Terms { scope, label, limit, deadline, stands_by, more } = terms;
        *entry = Entry {
            id,
            scope,
            label,
            limit,
            since: now,
            deadline,
            more,
            expired: None,
            rung: None,
            guest_on: 0,
            stands_by,
        };
        (slot, entry)
    }

    /// Frees the slot of an alarm; it must be alive.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) -> Removed {
        let entry = &mut self.entries[slot];
        debug_assert_ne!(entry.id, NOBODY);
        let removed =
            Removed { label: entry.label.take(), more: entry.more.take(), stood_by: entry.stands_by };
        entry.id = NOBODY;
        self.free.push(slot);
        removed
    }

    /// The alarm of that key; `None` for a stale one.
    pub(super) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key.slot()).filter(|entry| entry.id == key.id)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(key.slot()).filter(|entry| entry.id == key.id)
    }

    /// The alarm in a slot that is known to have one.
    pub(super) fn at(&self, slot: usize) -> &Entry {
        debug_assert_ne!(self.entries[slot].id, NOBODY);
        &self.entries[slot]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.id != NOBODY)
    }
}

const VACANT: Entry = Entry {
    id: NOBODY,
    scope: Scope(0),
    label: None,
    limit: None,
    since: Time::NEVER,
    deadline: Time::NEVER,
    more: None,
    expired: None,
    rung: None,
    guest_on: 0,
    stands_by: false,
};
