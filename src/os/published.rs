//! A reference for the signal handler.

use std::ptr;

use super::atomic::{AtomicPtr, Ordering};

/// An optional `&'static T`, with lock-free reads and changes.
pub(crate) struct Published<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Published<T> {
    pub(crate) const fn nothing() -> Published<T> {
        Published(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: all writers store null or a `&'static T`.
        unsafe { self.0.load(Ordering::SeqCst).as_ref() }
    }

    /// Publishes `new`, and returns the previous reference.
    pub(crate) fn exchange(&self, new: Option<&'static T>) -> Option<&'static T> {
        let new = new.map_or(ptr::null_mut(), |new| ptr::from_ref(new).cast_mut());
        // SAFETY: as in `get`.
        unsafe { self.0.swap(new, Ordering::SeqCst).as_ref() }
    }

    /// Replaces `old`, and returns whether it was published. Async-signal-safe.
    pub(crate) fn replace(&self, old: &'static T, new: &'static T) -> bool {
        let [old, new] = [old, new].map(|it| ptr::from_ref(it).cast_mut());
        self.0.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    struct Pair(u32, u32);

    #[test]
    fn reads_are_whole_and_exchanges_return_each_reference_once() {
        const EACH: u32 = if cfg!(miri) { 5 } else { 1_000 };
        static PLACE: Published<Pair> = Published::nothing();
        static RETURNED: Mutex<Vec<&Pair>> = Mutex::new(Vec::new());

        let reader = || {
            for _ in 0..EACH {
                assert!(PLACE.get().is_none_or(|pair| pair.1 == !pair.0));
                thread::yield_now();
            }
        };
        let writer = |first: u32| {
            for n in first..first + EACH {
                let old = PLACE.exchange(Some(Box::leak(Box::new(Pair(n, !n)))));
                RETURNED.lock().unwrap().extend(old);
            }
        };
        thread::scope(|scope| {
            for first in [0, EACH] {
                scope.spawn(move || writer(first));
            }
            scope.spawn(reader);
            reader();
        });
        RETURNED.lock().unwrap().extend(PLACE.exchange(None));
        let mut returned: Vec<u32> = RETURNED.lock().unwrap().iter().map(|pair| pair.0).collect();
        returned.sort_unstable();
        assert!(returned.into_iter().eq(0..2 * EACH), "each reference is returned once");
        assert!(PLACE.get().is_none());
    }
}
