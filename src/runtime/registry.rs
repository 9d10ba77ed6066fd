//! A list that only grows, which the handler walks without a lock.
//!
//! Its entries are never freed; one that is given back is taken again. So the list is as long as the most that was ever in
//! use at once, and a late handler reads at worst an entry that means nothing any more.

use std::iter;
use std::ops::Deref;

use crate::os::atomic::{AtomicBool, Ordering};
use crate::os::published::Published;

pub(super) struct Registry<T: 'static>(Published<Registered<T>>);

/// An entry of a registry; it dereferences to its value.
pub(crate) struct Registered<T: 'static> {
    value: T,
    taken: AtomicBool,
    next: Option<&'static Registered<T>>,
}

impl<T: Sync> Registry<T> {
    pub(super) const fn new() -> Registry<T> {
        Registry(Published::nothing())
    }

    fn entries(&self) -> impl Iterator<Item = &'static Registered<T>> + use<T> {
        iter::successors(self.0.get(), |entry| entry.next)
    }

    /// All values, of entries in use and of free ones. Async-signal-safe.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static T> + use<T> {
        self.entries().map(|entry| &entry.value)
    }

    /// Takes a free entry, or a new one. Under the lock of the state, so that no two threads add one at once.
    pub(super) fn take(&self, new: impl FnOnce() -> T) -> &'static Registered<T> {
        let free = self.entries().find(|entry| !entry.taken.swap(true, Ordering::SeqCst));
        free.unwrap_or_else(|| {
            let entry: &'static Registered<T> = Box::leak(Box::new(Registered {
                value: new(),
                taken: AtomicBool::new(true),
                next: self.0.get(),
            }));
            self.0.exchange(Some(entry));
            entry
        })
    }

    /// In a forked child: frees every entry, since their users stayed with the parent.
    pub(super) fn free_all(&self) {
        self.entries().for_each(Registered::give_back);
    }
}

impl<T> Registered<T> {
    pub(super) fn give_back(&self) {
        self.taken.store(false, Ordering::SeqCst);
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
                entry.give_back();
            }
        };
        thread::scope(|scope| {
            let users = [user; 3].map(|user| scope.spawn(user));
            // As a handler does, at any time and without the lock.
            for _ in 0..EACH {
                assert!(REGISTRY.iter().all(|entry| entry.0 == 7));
                thread::yield_now();
            }
            users.into_iter().for_each(|user| user.join().unwrap());
        });
        assert!((1..=3).contains(&REGISTRY.iter().count()), "longer than the most at once");
        REGISTRY.free_all();
        assert!(REGISTRY.entries().all(|entry| !entry.taken.load(Ordering::SeqCst)));
    }
}
