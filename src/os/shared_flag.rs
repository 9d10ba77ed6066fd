use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::atomic::{AtomicPtr, AtomicUsize, Ordering, spin_loop};

/// An optional flag of the program, which the signal handler sets.
pub(crate) struct SharedFlag {
    /// Null, or a pointer from `Arc::into_raw`.
    flag: AtomicPtr<AtomicBool>,
    /// The number of handlers in `set`.
    handlers: AtomicUsize,
}

impl SharedFlag {
    pub(crate) const fn empty() -> SharedFlag {
        SharedFlag { flag: AtomicPtr::new(ptr::null_mut()), handlers: AtomicUsize::new(0) }
    }

    /// Adds a flag to an empty place.
    pub(crate) fn put(&self, flag: Arc<AtomicBool>) {
        self.flag.store(Arc::into_raw(flag).cast_mut(), Ordering::SeqCst);
    }

    /// Sets the flag, if any. Async-signal-safe.
    pub(crate) fn set(&self) {
        self.handlers.fetch_add(1, Ordering::SeqCst);
        // SAFETY: if not null, `take` has yet to swap the pointer, and then waits for this handler.
        if let Some(flag) = unsafe { self.flag.load(Ordering::SeqCst).as_ref() } {
            flag.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        self.handlers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Removes the flag. No handler uses it afterwards.
    pub(crate) fn take(&self) -> Option<Arc<AtomicBool>> {
        let flag = self.flag.swap(ptr::null_mut(), Ordering::SeqCst);
        if flag.is_null() {
            return None;
        }
        // Handlers that start after the swap see null.
        while self.handlers.load(Ordering::SeqCst) > 0 {
            spin_loop();
        }
        // SAFETY: `put` got it from `Arc::into_raw`, and only this call gets it.
        Some(unsafe { Arc::from_raw(flag) })
    }

    /// Empties the place in a forked child, without freeing memory.
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
                let taken = PLACE.take().expect("the flag is present");
                assert!(taken.load(std::sync::atomic::Ordering::SeqCst));
                drop(taken);
                assert_eq!(Arc::strong_count(&flag), 1);
            }
            handlers.into_iter().for_each(|handler| handler.join().expect("no panic"));
        });
        assert!(PLACE.take().is_none());
    }
}
