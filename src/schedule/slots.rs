//! Alarms in reusable slots. Entries are written in place, because copying words that were just written stalls the
//! processor.

use std::panic::Location;

use sigalarm_core::implementer;

use super::{Entry, Key, Removed, Scope, Terms};
use crate::error::AlarmId;
use crate::time::Time;

const FREE: AlarmId = implementer::id(0);

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

    #[inline(always)]
    pub(super) fn insert(&mut self, id: AlarmId, terms: Terms, now: Time) -> (usize, &mut Entry) {
        debug_assert_ne!(id, FREE);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(VACANT);
            self.entries.len() - 1
        });
        let entry = &mut self.entries[slot];
        let needs_signal = terms.needs_signal();
        let Terms { scope, label, limit, deadline, location, more } = terms;
        *entry =
            Entry { id, scope, label, limit, since: now, deadline, location, more, needs_signal, ..VACANT };
        (slot, entry)
    }

    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) -> Removed {
        let entry = &mut self.entries[slot];
        debug_assert_ne!(entry.id, FREE);
        let removed = Removed {
            label: entry.label.take(),
            more: entry.more.take(),
            needs_signal: entry.needs_signal,
            scope: entry.scope,
        };
        entry.id = FREE;
        self.free.push(slot);
        removed
    }

    pub(super) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key.slot()).filter(|entry| entry.id == key.id)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries.get_mut(key.slot()).filter(|entry| entry.id == key.id)
    }

    pub(super) fn at(&self, slot: usize) -> &Entry {
        debug_assert_ne!(self.entries[slot].id, FREE);
        &self.entries[slot]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Key, &Entry)> {
        let live = self.entries.iter().enumerate().filter(|(_, entry)| entry.id != FREE);
        live.map(|(slot, entry)| (Key::new(entry.id, slot), entry))
    }
}

const VACANT: Entry = Entry {
    id: FREE,
    scope: Scope(0),
    label: None,
    limit: None,
    since: Time::NEVER,
    deadline: Time::NEVER,
    location: Location::caller(),
    more: None,
    expired: None,
    rung: None,
    needs_signal: false,
};
