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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::*;
    use crate::os::atomic::AtomicUsize;

    /// Two words: what stood there when the place was made, and how many have it now.
    struct Seat(usize, AtomicUsize);

    #[test]
    fn a_place_has_one_at_a_time_and_whoever_goes_through_finds_it_whole() {
        const EACH: usize = if cfg!(miri) { 4 } else { 1_000 };
        static PLACES: Places<Seat> = Places::new();
        static LOCK: Mutex<()> = Mutex::new(());

        let guest = || {
            for _ in 0..EACH {
                let place = {
                    let _lock = LOCK.lock().unwrap();
                    PLACES.take(|| Seat(7, AtomicUsize::new(0)))
                };
                assert_eq!(place.1.fetch_add(1, Ordering::Relaxed), 0, "somebody else has it");
                thread::yield_now();
                place.1.fetch_sub(1, Ordering::Relaxed);
                place.give_back();
            }
        };
        thread::scope(|scope| {
            let guests = [guest; 3].map(|guest| scope.spawn(guest));
            // As a handler does, at any time and without the lock.
            for _ in 0..EACH {
                assert!(PLACES.iter().all(|seat| seat.0 == 7));
                thread::yield_now();
            }
            guests.into_iter().for_each(|guest| guest.join().unwrap());
        });
        assert!((1..=3).contains(&PLACES.iter().count()), "no longer than the most at once");
        PLACES.vacate();
        assert!(PLACES.places().all(|place| !place.taken.load(Ordering::SeqCst)));
    }
}
