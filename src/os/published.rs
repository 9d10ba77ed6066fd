use std::ptr;

use super::atomic::{AtomicPtr, Ordering};

/// An optional reference that the signal handler may read.
pub(crate) struct Published<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Published<T> {
    pub(crate) const fn nothing() -> Published<T> {
        Published(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: all writers store null or a `&'static T`.
        unsafe { self.0.load(Ordering::SeqCst).as_ref() }
    }

    pub(crate) fn exchange(&self, new: Option<&'static T>) -> Option<&'static T> {
        let new = new.map_or(ptr::null_mut(), |new| ptr::from_ref(new).cast_mut());
        // SAFETY: as in `get`.
        unsafe { self.0.swap(new, Ordering::SeqCst).as_ref() }
    }

    /// Async-signal-safe.
    pub(crate) fn replace(&self, old: &'static T, new: &'static T) -> bool {
        let [old, new] = [old, new].map(|it| ptr::from_ref(it).cast_mut());
        self.0.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }
}
