//! Live alarms and their deadlines, as pure data.
//!
//! Callers pass the time in, so tests can compare results with a naive list.
//!
//! Entries are alarms and tickers. A ticker's deadline advances by its period and never expires.
//!
//! An alarm is pending until its deadline, then expired until a restart or its removal. Operations take logarithmic time
//! unless noted.

mod budget;
mod changes;
mod entry;
mod key;
mod nesting;
mod queue;
pub(crate) mod signals;
mod slots;

use std::collections::BTreeSet;
use std::mem::{self, ManuallyDrop};
use std::sync::atomic::Ordering;

use sigalarm_core::implementer;

pub(crate) use self::budget::Budget;
pub(crate) use self::entry::{Cpu, Entry, More, Removed, Terms};
use self::entry::{Listing, periods};
pub(crate) use self::key::{Key, Scope, Standing};
pub(crate) use self::queue::{Positions, Queue};
use self::signals::SIGNALS;
use self::slots::Slots;
use crate::error::AlarmId;
use crate::time::Time;

/// Ids below and above every alarm's id.
const OUTERMOST: AlarmId = implementer::id(0);
pub(crate) const INNERMOST: AlarmId = implementer::id(u64::MAX);

#[derive(Debug)]
struct Thread {
    pending: Queue,
    alarms: usize,
    /// The thread's checks ignore alarms up to this id.
    shield: AlarmId,
}

#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slots,
    threads: Vec<Thread>,
    positions: Positions,
    /// Sorted by scope, then from outermost to innermost.
    expired: BTreeSet<(Scope, AlarmId, usize)>,
    /// Alarms with a check limit: usually none or one.
    counting: Vec<(Scope, Key)>,
    listening: [usize; SIGNALS],
    /// Alarms that other threads have entered, sorted as `expired`.
    entered: BTreeSet<(Scope, AlarmId, usize)>,
    /// In a forked child, until its first id: a child that needs none does not write to the counter's page.
    must_skip_ids: bool,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule {
            entries: Slots::new(),
            threads: Vec::new(),
            positions: Positions::new(),
            expired: BTreeSet::new(),
            counting: Vec::new(),
            listening: [0; SIGNALS],
            entered: BTreeSet::new(),
            must_skip_ids: false,
        }
    }

    /// Empties a forked child's schedule. A forked child must not free memory, so the content is not dropped.
    pub(crate) fn start_again(&mut self) -> Option<ManuallyDrop<Schedule>> {
        let before = (!self.is_empty()).then(|| ManuallyDrop::new(mem::replace(self, Schedule::new())));
        self.skip_ids();
        before
    }

    pub(crate) fn skip_ids(&mut self) {
        self.must_skip_ids = true;
    }

    #[inline(always)]
    pub(crate) fn next_id(&mut self) -> AlarmId {
        if mem::take(&mut self.must_skip_ids) {
            implementer::skip_ids();
        }
        implementer::next_id()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn any_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// Returns the earliest deadline of a thread's own pending alarms, or `NEVER`.
    #[inline(always)]
    pub(crate) fn next_of(&self, scope: Scope) -> Time {
        let first = self.threads.get(scope.index()).and_then(|thread| thread.pending.first());
        first.map_or(Time::NEVER, |(deadline, _)| deadline)
    }

    pub(crate) fn alarms_of(&self, scope: Scope) -> usize {
        self.threads.get(scope.index()).map_or(0, |thread| thread.alarms)
    }

    /// Adds a pending alarm, even if its deadline is past.
    #[inline(always)]
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = self.next_id();
        let (scope, deadline, is_plain) = (terms.scope, terms.deadline, terms.more.is_none());
        let (slot, entry) = self.entries.insert(id, terms, now);
        let key = Key::new(id, slot);
        // Inlining makes `is_plain` a constant.
        let listing = match is_plain {
            true => Listing::plain(scope, deadline),
            false => {
                entry.plan_probe(now);
                if entry.budget().is_some() {
                    self.counting.push((scope, key));
                }
                Listing::of(entry)
            }
        };
        let index = scope.index();
        if index >= self.threads.len() {
            self.add_threads(index);
        }
        self.threads[index].alarms += 1;
        self.list(listing, key);
        key
    }

    #[cold]
    fn add_threads(&mut self, index: usize) {
        let thread = || Thread { pending: Queue::new(), alarms: 0, shield: OUTERMOST };
        self.threads.resize_with(index + 1, thread);
    }

    /// Returns `None` for a stale key.
    #[inline(always)]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Removed> {
        let entry = self.entries.get(key)?;
        let listing = Listing::of(entry);
        if entry.entered_by > 0 {
            self.entered.retain(|&(.., slot)| slot != key.slot());
        }
        if entry.budget().is_some() {
            self.counting.retain(|(_, other)| *other != key);
        }
        self.unlist(listing, key);
        self.threads[listing.scope.index()].alarms -= 1;
        Some(self.entries.remove(key.slot()))
    }

    /// Returns the alarm with an id, in linear time.
    pub(crate) fn find(&self, id: AlarmId) -> Option<&Entry> {
        self.entries.iter().map(|(_, entry)| entry).find(|entry| entry.id == id)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Returns a thread's alarms, outermost first, in linear time.
    pub(crate) fn path(&self, scope: Scope) -> Vec<(Key, &Entry)> {
        let is_own = |entry: &Entry| entry.scope == scope && entry.period().is_none();
        let alarms = self.entries.iter().filter(|(_, entry)| is_own(entry));
        let mut path: Vec<_> = alarms.map(|(slot, entry)| (Key::new(entry.id, slot), entry)).collect();
        path.sort_by_key(|(key, _)| key.id);
        path
    }

    pub(crate) fn listening(&self) -> &[usize; SIGNALS] {
        &self.listening
    }

    /// Returns the number of a ticker's periods since the previous call.
    pub(crate) fn ticks(&mut self, key: Key, now: Time) -> u64 {
        let Some(entry) = self.entries.get_mut(key) else { return 0 };
        let passed = entry.period().map_or(0, |period| periods(now.since(entry.since), period));
        entry.more.as_deref_mut().map_or(0, |more| passed - mem::replace(&mut more.reported, passed))
    }

    /// Changes an alarm and its listing.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let before = Listing::of(entry);
        change(entry);
        if let Some(flag) = entry.flag().filter(|_| entry.expired.is_some()) {
            flag.store(true, Ordering::SeqCst);
        }
        let after = Listing::of(entry);
        if before == after {
            return;
        }
        // A restart only moves the deadline.
        let moved = Listing { moment: after.moment, ..before } == after && !after.expired;
        if moved && !before.moment.is_never() && !after.moment.is_never() {
            self.threads[after.scope.index()].pending.shift(&mut self.positions, after.moment, key.slot());
        } else {
            self.unlist(before, key);
            self.list(after, key);
        }
    }

    #[inline(always)]
    fn list(&mut self, listing: Listing, key: Key) {
        if listing.expired {
            self.expired.insert((listing.scope, key.id, key.slot()));
            return;
        }
        if !listing.moment.is_never() {
            self.threads[listing.scope.index()].pending.insert(
                &mut self.positions,
                listing.moment,
                key.slot(),
            );
        }
        signals::numbers(listing.signals).for_each(|number| self.listening[number] += 1);
    }

    #[inline(always)]
    fn unlist(&mut self, listing: Listing, key: Key) {
        if listing.expired {
            self.expired.remove(&(listing.scope, key.id, key.slot()));
            return;
        }
        if !listing.moment.is_never() {
            self.threads[listing.scope.index()].pending.remove(&mut self.positions, key.slot());
        }
        signals::numbers(listing.signals).for_each(|number| self.listening[number] -= 1);
    }
}

#[cfg(test)]
mod tests;
