//! A reference that one side publishes and the signal handler reads.

use std::ptr;

use super::atomic::{AtomicPtr, Ordering};

/// A place for a `&'static T`, or nothing. Reading and changing it is one step each, without a lock.
pub(crate) struct Published<T: 'static>(AtomicPtr<T>);

impl<T: Sync> Published<T> {
    pub(crate) const fn nothing() -> Published<T> {
        Published(AtomicPtr::new(ptr::null_mut()))
    }

    /// What is published. Async-signal-safe.
    pub(crate) fn get(&self) -> Option<&'static T> {
        // SAFETY: `exchange` is the only writer, so it is null or a `&'static T`, which never dangles; it is
        // read only.
        unsafe { self.0.load(Ordering::SeqCst).as_ref() }
    }

    /// Publishes `new` and hands back what was there.
    pub(crate) fn exchange(&self, new: Option<&'static T>) -> Option<&'static T> {
        let new = new.map_or(ptr::null_mut(), |new| ptr::from_ref(new).cast_mut());
        // SAFETY: as in `get`.
        unsafe { self.0.swap(new, Ordering::SeqCst).as_ref() }
    }
}
