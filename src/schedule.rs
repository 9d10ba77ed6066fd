//! The schedule: live alarms and their deadlines, as pure data. Callers pass the time as an argument.
//!
//! An alarm is pending until it expires. It then stays expired until it is restarted, extended, disarmed or removed.

mod budget;
mod changes;
mod entry;
mod key;
mod nesting;
mod queue;
mod slots;

use std::collections::BTreeSet;
use std::mem;
use std::sync::atomic::Ordering;

use sigalarm_core::implementer;

pub(crate) use self::budget::Budget;
pub(crate) use self::entry::{Cpu, Entry, More, Removed, Terms};
pub(crate) use self::key::{Key, Scope, Standing};
pub(crate) use self::queue::{Positions, Queue};
use self::slots::Slots;
use crate::error::AlarmId;
use crate::time::Time;

/// An id below those of all alarms. Outer alarms have lower ids.
const OUTERMOST: AlarmId = implementer::id(0);
pub(crate) const INNERMOST: AlarmId = implementer::id(u64::MAX);

#[derive(Debug)]
struct Thread {
    pending: Queue,
    /// The thread's checks ignore alarms with this id or a lower one.
    shield: AlarmId,
}

#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slots,
    threads: Vec<Thread>,
    positions: Positions,
    /// Expired alarms, sorted by thread, then from outermost to innermost.
    expired: BTreeSet<Standing>,
    with_check_limit: Vec<(Scope, Key)>,
    /// Alarms that a signal such as SIGINT can expire.
    listeners: Vec<Key>,
    /// Alarms of other threads that a thread has entered, sorted by the entering thread, then by order of entry.
    entered: BTreeSet<Standing>,
    /// Whether the next id must skip the parent's ids. A child skips them only when it needs an id, because the write
    /// to the id counter costs a page fault.
    must_skip_ids: bool,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule {
            entries: Slots::new(),
            threads: Vec::new(),
            positions: Positions::new(),
            expired: BTreeSet::new(),
            with_check_limit: Vec::new(),
            listeners: Vec::new(),
            entered: BTreeSet::new(),
            must_skip_ids: false,
        }
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

    #[inline(always)]
    pub(crate) fn next_of(&self, scope: Scope) -> Time {
        self.first_of(scope).map_or(Time::NEVER, |(deadline, _)| deadline)
    }

    #[inline(always)]
    fn first_of(&self, scope: Scope) -> Option<(Time, usize)> {
        self.threads.get(scope.index())?.pending.first()
    }

    pub(crate) fn alarms_of(&self, scope: Scope) -> usize {
        self.entries.iter().filter(|(_, entry)| entry.scope == scope).count()
    }

    #[inline(always)]
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = self.next_id();
        let scope = terms.scope;
        let (slot, entry) = self.entries.insert(id, terms, now);
        let key = Key::new(id, slot);
        entry.plan_probe(now);
        if let Some(more) = &entry.more {
            if more.budget.is_some() {
                self.with_check_limit.push((scope, key));
            }
            if more.signals != 0 {
                self.listeners.push(key);
            }
        }
        if scope.index() >= self.threads.len() {
            self.add_threads(scope.index());
        }
        self.list(key);
        key
    }

    #[cold]
    fn add_threads(&mut self, index: usize) {
        let thread = || Thread { pending: Queue::new(), shield: OUTERMOST };
        self.threads.resize_with(index + 1, thread);
    }

    #[inline(always)]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Removed> {
        let entry = self.entries.get(key)?;
        if !self.entered.is_empty() {
            self.entered.retain(|&(.., slot)| slot != key.slot());
        }
        if !entry.is_plain() {
            self.with_check_limit.retain(|(_, other)| *other != key);
            self.listeners.retain(|other| *other != key);
        }
        self.unlist(key);
        Some(self.entries.remove(key.slot()))
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(crate) fn path(&self, scope: Scope) -> Vec<(Key, &Entry)> {
        let is_own = |entry: &Entry| entry.scope == scope && entry.more().period.is_none();
        let mut path: Vec<_> = self.entries.iter().filter(|(_, entry)| is_own(entry)).collect();
        path.sort_by_key(|(key, _)| key.id);
        path
    }

    pub(crate) fn listening(&self) -> u32 {
        let pending =
            self.listeners.iter().filter_map(|key| self.get(*key).filter(|it| it.expired.is_none()));
        pending.fold(0, |signals, entry| signals | entry.more().signals)
    }

    pub(crate) fn ticks(&mut self, key: Key, now: Time) -> u64 {
        let Some(entry) = self.entries.get_mut(key) else { return 0 };
        let Some(More { period: Some(period), reported, .. }) = entry.more.as_deref_mut() else { return 0 };
        let passed = (now.since(entry.since).as_nanos() / period.as_nanos()) as u64;
        passed - mem::replace(reported, passed)
    }

    fn change<T>(&mut self, key: Key, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.get(key)?;
        self.unlist(key);
        let entry = self.entries.get_mut(key)?;
        let result = change(entry);
        if let Some(flag) = entry.more().flag.as_ref().filter(|_| entry.expired.is_some()) {
            flag.store(true, Ordering::SeqCst);
        }
        self.list(key);
        Some(result)
    }

    #[inline(always)]
    fn list(&mut self, key: Key) {
        let entry = self.entries.at(key.slot());
        if entry.expired.is_some() {
            self.expired.insert((entry.scope, key.id, key.slot()));
        } else if !entry.moment().is_never() {
            let pending = &mut self.threads[entry.scope.index()].pending;
            pending.insert(&mut self.positions, entry.moment(), key.slot());
        }
    }

    #[inline(always)]
    fn unlist(&mut self, key: Key) {
        let entry = self.entries.at(key.slot());
        if entry.expired.is_some() {
            self.expired.remove(&(entry.scope, key.id, key.slot()));
        } else if !entry.moment().is_never() {
            self.threads[entry.scope.index()].pending.remove(&mut self.positions, key.slot());
        }
    }
}

#[cfg(test)]
mod tests;
