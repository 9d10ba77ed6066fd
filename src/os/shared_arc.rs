use std::ptr;
use std::sync::Arc;

use super::atomic::{AtomicPtr, AtomicUsize, Ordering, spin_loop};

/// An optional value that a signal handler uses while another thread replaces it.
pub(crate) struct SharedArc<T> {
    /// Null, or a pointer from `Arc::into_raw`.
    value: AtomicPtr<T>,
    handlers: AtomicUsize,
}

impl<T: Send + Sync> SharedArc<T> {
    pub(crate) const fn empty() -> SharedArc<T> {
        SharedArc { value: AtomicPtr::new(ptr::null_mut()), handlers: AtomicUsize::new(0) }
    }

    /// Async-signal-safe if `f` is.
    pub(crate) fn with(&self, f: impl FnOnce(&T)) {
        self.handlers.fetch_add(1, Ordering::SeqCst);
        // SAFETY: `replace` drops a value only when no handler is in `with`.
        if let Some(value) = unsafe { self.value.load(Ordering::SeqCst).as_ref() } {
            f(value);
        }
        self.handlers.fetch_sub(1, Ordering::SeqCst);
    }

    /// Stores `value`, waits until no handler uses the previous value, and drops the previous value.
    pub(crate) fn replace(&self, value: Option<Arc<T>>) {
        let value = value.map_or(ptr::null_mut(), |value| Arc::into_raw(value).cast_mut());
        let before = self.value.swap(value, Ordering::SeqCst);
        if before.is_null() {
            return;
        }
        while self.handlers.load(Ordering::SeqCst) > 0 {
            spin_loop();
        }
        // SAFETY: the pointer is from `Arc::into_raw`, and no other call has swapped it out.
        drop(unsafe { Arc::from_raw(before) });
    }

    /// Forgets the value in a forked child, which must not free memory.
    pub(crate) fn forget(&self) {
        self.value.store(ptr::null_mut(), Ordering::SeqCst);
        self.handlers.store(0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;

    #[test]
    fn value_is_used_until_it_is_replaced_and_freed_after() {
        const EACH: usize = if cfg!(miri) { 5 } else { 1_000 };
        static PLACE: SharedArc<AtomicBool> = SharedArc::empty();
        let set = || PLACE.with(|flag| flag.store(true, Ordering::SeqCst));
        thread::scope(|scope| {
            let handlers = [(); 2].map(|()| scope.spawn(|| (0..EACH * 2).for_each(|_| set())));
            for _ in 0..EACH {
                let flag = Arc::new(AtomicBool::new(false));
                PLACE.replace(Some(flag.clone()));
                set();
                PLACE.replace(None);
                assert!(flag.load(Ordering::SeqCst));
                assert_eq!(Arc::strong_count(&flag), 1);
            }
            handlers.into_iter().for_each(|handler| handler.join().expect("no panic"));
        });
        PLACE.with(|_| panic!("a value"));
    }
}
