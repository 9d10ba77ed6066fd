//! Which alarms live, and what is due: pure data.
//!
//! No clock, no lock, no operating system in here: the moment is handed in, so that a test can play through
//! years in a microsecond and hold every answer against a naive list.
//!
//! An alarm is *pending* until its deadline, then *expired* until it is removed or rescheduled. Pending alarms
//! are kept in the order of their deadlines; expired ones in the order in which their scopes enclose each
//! other, for the question that a check asks is "which is the outermost that has expired?". All of it is
//! logarithmic in the number of alarms alive.

mod queue;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use self::queue::Queue;
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
    /// The other threads that it stands on.
    guest_of: Vec<Place>,
}

/// Where an alarm stands among those of a thread that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    scope: Scope,
    /// Of the same kind as the ids of the thread's own alarms, so that all have one order.
    order: AlarmId,
    key: Key,
}

/// All live alarms.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slab<Entry>,
    /// Pending alarms that have a deadline, by slot.
    pending: Queue,
    /// Expired alarms, scope by scope, the outermost first.
    expired: BTreeSet<(Scope, AlarmId, usize)>,
    /// Alarms on threads that are not their own, scope by scope, the outermost first.
    guests: BTreeSet<(Scope, AlarmId, usize)>,
    last_id: u64,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule {
            entries: Slab::new(),
            pending: Queue::new(),
            expired: BTreeSet::new(),
            guests: BTreeSet::new(),
            last_id: 0,
        }
    }

    /// An empty schedule for a forked child, which goes on counting far ahead: no key of `self` will ever name
    /// an alarm of it, and no id that it gives out is one that `self` will give out after.
    pub(crate) fn successor(&self) -> Schedule {
        const APART: u64 = 1 << 40;
        Schedule { last_id: self.last_id.saturating_add(APART), ..Schedule::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn any_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The earliest deadline that is still to come; *never* if there is none.
    pub(crate) fn next(&self) -> Time {
        self.pending.first().map_or(Time::NEVER, |(deadline, _)| deadline)
    }

    /// The earliest deadline that may concern a scope, or an earlier one; `None` if no alarm stands there.
    pub(crate) fn next_in(&self, scope: Scope) -> Option<Time> {
        // A guest's time may be that of whatever encloses it at home, and so on: any time will do, so long as it
        // is not too late.
        if self.guests.range((scope, AlarmId(0), 0)..).next().is_some_and(|guest| guest.0 == scope) {
            return Some(self.next());
        }
        let own = self.entries.iter().map(|(_, entry)| entry).filter(|entry| entry.scope == scope);
        own.map(|entry| if entry.expired.is_none() { entry.deadline } else { Time::NEVER }).min()
    }

    /// Adds an alarm. It is pending, even if its deadline has passed: [`expire`](Schedule::expire) tells.
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = self.next_id();
        let Terms { scope, label, limit, deadline } = terms;
        let entry =
            Entry { id, scope, label, limit, since: now, deadline, expired: None, guest_of: Vec::new() };
        let listing = Listing::of(&entry);
        let key = Key { slot: self.entries.insert(entry), id };
        self.list(listing, key);
        key
    }

    /// Takes an alarm out; `None` for a stale key.
    pub(crate) fn remove(&mut self, key: Key) -> Option<Entry> {
        self.get(key)?;
        let entry = self.entries.remove(key.slot);
        self.unlist(Listing::of(&entry), key);
        for place in &entry.guest_of {
            self.guests.remove(&(place.scope, place.order, key.slot));
        }
        Some(entry)
    }

    /// Makes an alarm one of `scope`'s as well, the innermost.
    pub(crate) fn enter(&mut self, key: Key, scope: Scope) -> Place {
        let place = Place { scope, order: self.next_id(), key };
        if let Some(entry) = self.entries.get_mut(key.slot).filter(|entry| entry.id == key.id) {
            entry.guest_of.push(place);
            self.guests.insert((scope, place.order, key.slot));
        }
        place
    }

    /// Undoes an [`enter`](Schedule::enter).
    pub(crate) fn leave(&mut self, place: Place) {
        let key = place.key;
        if let Some(entry) = self.entries.get_mut(key.slot).filter(|entry| entry.id == key.id) {
            entry.guest_of.retain(|other| *other != place);
            self.guests.remove(&(place.scope, place.order, key.slot));
        }
    }

    /// An id that no alarm has or will have; the next one to be armed has a larger one.
    pub(crate) fn next_id(&mut self) -> AlarmId {
        self.last_id += 1;
        AlarmId(self.last_id)
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
        while let Some((_, slot)) = self.pending.first().filter(|&(deadline, _)| deadline <= now) {
            let id = self.entries[slot].id;
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
        let from = (scope, AlarmId(0), 0);
        let own = self.expired.range(from..=(scope, innermost, usize::MAX)).next();
        let within = own.map_or(innermost, |&(_, id, _)| id);
        // A guest that stands outside of it, or whatever encloses the guest at home, comes first. This ends: a
        // guest was armed before it came, so each step goes to smaller ids.
        let guests = self.guests.range(from..=(scope, within, usize::MAX));
        guests
            .map(|&(.., slot)| &self.entries[slot])
            .find_map(|guest| self.outermost(guest.scope, guest.id))
            .or(own.map(|&(.., slot)| &self.entries[slot]))
    }

    /// Changes an alarm and keeps the two lists in step.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(key.slot).filter(|entry| entry.id == key.id) else {
            return;
        };
        let before = Listing::of(entry);
        change(entry);
        let after = Listing::of(entry);
        if before != after {
            self.unlist(before, key);
            self.list(after, key);
        }
    }

    fn list(&mut self, listing: Listing, key: Key) {
        match listing {
            Listing::Expired(scope) => {
                self.expired.insert((scope, key.id, key.slot));
            }
            Listing::Pending(deadline) => self.pending.insert(deadline, key.slot),
            Listing::Nowhere => {}
        }
    }

    fn unlist(&mut self, listing: Listing, key: Key) {
        match listing {
            Listing::Expired(scope) => {
                self.expired.remove(&(scope, key.id, key.slot));
            }
            Listing::Pending(_) => self.pending.remove(key.slot),
            Listing::Nowhere => {}
        }
    }
}

/// Where an alarm is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listing {
    Expired(Scope),
    Pending(Time),
    Nowhere,
}

impl Listing {
    fn of(entry: &Entry) -> Listing {
        if entry.expired.is_some() {
            Listing::Expired(entry.scope)
        } else if entry.deadline.is_never() {
            Listing::Nowhere
        } else {
            Listing::Pending(entry.deadline)
        }
    }
}

#[cfg(test)]
mod tests;
