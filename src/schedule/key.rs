use std::num::NonZeroUsize;

use crate::error::AlarmId;

/// Names a thread. A later thread may get the same index, but then has another serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(pub(crate) u64);

impl Scope {
    pub(crate) const NONE: Scope = Scope(0);

    pub(crate) fn new(serial: u32, index: usize) -> Scope {
        Scope(u64::from(serial) << 32 | index as u64)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as u32 as usize
    }
}

/// An alarm, named by id and slot. Slots are reused, and the id tells whether the slot still contains this alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(super) id: AlarmId,
    /// The slot's index plus 1. It is never zero, so an `Option<Key>` fits into two registers.
    place: NonZeroUsize,
}

impl Key {
    pub(super) fn new(id: AlarmId, slot: usize) -> Key {
        Key { id, place: NonZeroUsize::MIN.saturating_add(slot) }
    }

    pub(crate) fn id(self) -> AlarmId {
        self.id
    }

    pub(super) fn slot(self) -> usize {
        self.place.get() - 1
    }
}

/// A thread, the id of an alarm or of the thread's entry into it, and the alarm's slot.
pub(crate) type Standing = (Scope, AlarmId, usize);
