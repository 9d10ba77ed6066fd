//! A table that only grows, which handlers read without a lock.
//!
//! An entry is never deallocated, so a handler may still read an entry that has been freed for another use.

use std::ops::Deref;
use std::ptr;

use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::os::published::Published;

/// Chunk `n` has `1 << n` entries.
const CHUNKS: usize = 32;

pub(super) struct Registry<T: 'static> {
    chunks: [Published<Vec<Registered<T>>>; CHUNKS],
    /// How many entries were ever taken.
    len: AtomicUsize,
    /// No entry below this index is free.
    free_from: AtomicUsize,
}

pub(crate) struct Registered<T> {
    value: T,
    index: usize,
    is_free: AtomicBool,
}

impl<T: Sync> Registry<T> {
    pub(super) const fn new() -> Registry<T> {
        Registry {
            chunks: [const { Published::nothing() }; CHUNKS],
            len: AtomicUsize::new(0),
            free_from: AtomicUsize::new(0),
        }
    }

    fn entry(&self, index: usize) -> Option<&'static Registered<T>> {
        let chunk = (index + 1).ilog2();
        self.chunks.get(chunk as usize)?.get()?.get(index + 1 - (1 << chunk))
    }

    fn entries(&self) -> impl Iterator<Item = &'static Registered<T>> {
        (0..self.len.load(Ordering::SeqCst)).map_while(|index| self.entry(index))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'static T> {
        self.entries().map(|entry| &entry.value)
    }

    /// Returns the value at an address, if the address belongs to this registry. Async-signal-safe.
    pub(super) fn at(&self, address: usize) -> Option<&'static T> {
        let chunks = self.chunks.iter().map_while(Published::get);
        let chunk = chunks.into_iter().find(|chunk| {
            let range = chunk.as_ptr_range();
            (range.start.addr()..range.end.addr()).contains(&address)
        })?;
        let entry = chunk.get((address - chunk.as_ptr().addr()) / size_of::<Registered<T>>())?;
        (ptr::from_ref(&entry.value).addr() == address).then_some(&entry.value)
    }

    /// Takes a free entry or adds one. Callers of `take` and `give_back` must hold the lock of the state.
    pub(super) fn take(&self, new: impl Fn() -> T) -> &'static Registered<T> {
        let (from, len) = (self.free_from.load(Ordering::SeqCst), self.len.load(Ordering::SeqCst));
        let mut free = (from..len).filter_map(|index| self.entry(index));
        let entry = free.find(|entry| entry.is_free.swap(false, Ordering::SeqCst)).unwrap_or_else(|| {
            let entry = self.entry(len).unwrap_or_else(|| self.add_chunk(len, new));
            self.len.store(len + 1, Ordering::SeqCst);
            entry
        });
        self.free_from.store(entry.index + 1, Ordering::SeqCst);
        entry
    }

    #[cold]
    fn add_chunk(&self, index: usize, new: impl Fn() -> T) -> &'static Registered<T> {
        let entry = |index| Registered { value: new(), index, is_free: AtomicBool::new(false) };
        let chunk: &'static Vec<_> = Box::leak(Box::new((index..=2 * index).map(entry).collect()));
        self.chunks[(index + 1).ilog2() as usize].exchange(Some(chunk));
        &chunk[0]
    }

    pub(super) fn give_back(&self, entry: &Registered<T>) {
        entry.is_free.store(true, Ordering::SeqCst);
        let from = self.free_from.load(Ordering::SeqCst).min(entry.index);
        self.free_from.store(from, Ordering::SeqCst);
    }

    pub(super) fn free_all(&self) {
        self.entries().for_each(|entry| self.give_back(entry));
    }
}

impl<T> Deref for Registered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;
    use std::thread;

    use super::*;
    use crate::os::atomic::AtomicUsize;

    #[test]
    fn an_entry_has_one_user_at_a_time_and_walks_find_it_whole() {
        const EACH: usize = if cfg!(miri) { 4 } else { 1_000 };
        static REGISTRY: Registry<(usize, AtomicUsize)> = Registry::new();
        static LOCK: Mutex<()> = Mutex::new(());

        let user = || {
            for _ in 0..EACH {
                let entry = {
                    let _lock = LOCK.lock().unwrap();
                    REGISTRY.take(|| (7, AtomicUsize::new(0)))
                };
                assert_eq!(entry.1.fetch_add(1, Ordering::Relaxed), 0, "two users");
                thread::yield_now();
                entry.1.fetch_sub(1, Ordering::Relaxed);
                let _lock = LOCK.lock().unwrap();
                REGISTRY.give_back(entry);
            }
        };
        thread::scope(|scope| {
            let users = [user; 3].map(|user| scope.spawn(user));
            for _ in 0..EACH {
                assert!(REGISTRY.iter().all(|entry| entry.0 == 7));
                thread::yield_now();
            }
            users.into_iter().for_each(|user| user.join().unwrap());
        });
        assert!((1..=3).contains(&REGISTRY.iter().count()), "longer than the most at once");
        for entry in REGISTRY.iter() {
            let address = ptr::from_ref(entry).addr();
            assert!(REGISTRY.at(address).is_some_and(|found| ptr::eq(found, entry)));
            assert!(REGISTRY.at(address + 1).is_none());
        }
        let taken = || ptr::from_ref(REGISTRY.take(|| (7, AtomicUsize::new(0)))).addr();
        let count = REGISTRY.iter().count();
        REGISTRY.free_all();
        let again: HashSet<usize> = (0..count).map(|_| taken()).collect();
        assert_eq!(again.len(), count, "each is free once");
        assert_eq!(REGISTRY.iter().count(), count);
        assert!((0..20).all(|_| !again.contains(&taken())), "then there are new ones");
        assert_eq!(REGISTRY.iter().count(), count + 20);
    }
}
