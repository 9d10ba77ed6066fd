//! A list that grows only, for what the signal handler goes through without a lock.
//!
//! What stands in it is never freed; a place that is given back is taken again. So the list is as long as the most
//! that was ever in use at once, and a handler that is late reads at worst a place that means nothing any more.

use std::ops::Deref;

use crate::os::atomic::{AtomicBool, Ordering};
use crate::os::published::Published;

pub(super) struct Places<T: 'static>(Published<Place<T>>);

/// A place; it shows what stands there.
pub(crate) struct Place<T: 'static> {
    it: T,
    taken: AtomicBool,
    next: Option<&'static Place<T>>,
}

impl<T: Sync> Places<T> {
    pub(super) const fn new() -> Places<T> {
        Places(Published::nothing())
    }

    fn places(&self) -> impl Iterator<Item = &'static Place<T>> + use<T> {
        std::iter::successors(self.0.get(), |place| place.next)
    }

    /// All places, taken or not. Async-signal-safe.
    pub(super) fn iter(&self) -> impl Iterator<Item = &'static T> + use<T> {
        self.places().map(|place| &place.it)
    }

    /// Takes a place. Under the lock of the state, so that two do not add one at once.
    pub(super) fn take(&self, new: impl FnOnce() -> T) -> &'static Place<T> {
        let free = self.places().find(|place| !place.taken.swap(true, Ordering::SeqCst));
        free.unwrap_or_else(|| {
            let place: &'static Place<T> =
                Box::leak(Box::new(Place { it: new(), taken: AtomicBool::new(true), next: self.0.get() }));
            self.0.exchange(Some(place));
            place
        })
    }

    /// In a forked child: nobody is left who could give anything back.
    pub(super) fn vacate(&self) {
        self.places().for_each(Place::give_back);
    }
}

impl<T> Place<T> {
    pub(super) fn give_back(&self) {
        self.taken.store(false, Ordering::SeqCst);
    }
}

impl<T> Deref for Place<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.it
    }
}
