//! A flag of the program's, which the signal handler sets.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::atomic::{AtomicPtr, AtomicUsize, Ordering, spin_loop};

/// A place for a flag that a handler may set at any time.
pub(crate) struct SharedFlag {
    /// Null, or what `Arc::into_raw` has returned.
    flag: AtomicPtr<AtomicBool>,
    /// How many handlers are setting it.
    handlers: AtomicUsize,
}

impl SharedFlag {
    pub(crate) const fn empty() -> SharedFlag {
        SharedFlag { flag: AtomicPtr::new(ptr::null_mut()), handlers: AtomicUsize::new(0) }
    }

    /// Puts a flag in the place, which must be empty.
    pub(crate) fn put(&self, flag: Arc<AtomicBool>) {
        self.flag.store(Arc::into_raw(flag).cast_mut(), Ordering::SeqCst);
    }

    /// Sets the flag, if there is one. Async-signal-safe.
    pub(crate) fn set(&self) {
        self.handlers.fetch_add(1, Ordering::SeqCst);
        // SAFETY: not null, so `take` has not swapped it out yet. Once it does, it waits until this handler has counted
        // itself out, and keeps the flag alive until then.
        if let Some(flag) = unsafe { self.flag.load(Ordering::SeqCst).as_ref() } {
            flag.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        self.handlers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Takes the flag out. No handler touches it when this returns.
    pub(crate) fn take(&self) -> Option<Arc<AtomicBool>> {
        let flag = self.flag.swap(ptr::null_mut(), Ordering::SeqCst);
        if flag.is_null() {
            return None;
        }
        // A handler that counts itself in later finds no flag.
        while self.handlers.load(Ordering::SeqCst) > 0 {
            spin_loop();
        }
        // SAFETY: `put` got it from `Arc::into_raw`, and the swap gave it to this call alone.
        Some(unsafe { Arc::from_raw(flag) })
    }

    /// In a forked child, where no other thread and no handler runs: nothing is dropped.
    pub(crate) fn forget(&self) {
        self.flag.store(ptr::null_mut(), Ordering::SeqCst);
        self.handlers.store(0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn flag_is_set_until_it_is_taken_and_freed_after() {
        const EACH: usize = if cfg!(miri) { 5 } else { 1_000 };
        static PLACE: SharedFlag = SharedFlag::empty();
        thread::scope(|scope| {
            let handlers = [(); 2].map(|()| scope.spawn(|| (0..EACH * 2).for_each(|_| PLACE.set())));
            for _ in 0..EACH {
                let flag = Arc::new(AtomicBool::new(false));
                PLACE.put(flag.clone());
                PLACE.set();
                let taken = PLACE.take().expect("it was put there");
                assert!(taken.load(std::sync::atomic::Ordering::SeqCst));
                drop(taken);
                assert_eq!(Arc::strong_count(&flag), 1);
            }
            handlers.into_iter().for_each(|handler| handler.join().expect("no panic"));
        });
        assert!(PLACE.take().is_none());
    }
}
