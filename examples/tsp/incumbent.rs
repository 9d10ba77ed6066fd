//! The best tour so far, held so that it can be had back at any moment.
//!
//! A search that may be cut short anywhere needs a good answer at every check. A copy of the best tour would
//! cost as much as the tour is long, and a kick changes a few dozen places. So there is only one tour, and the
//! trail of the flips since it was the best; [`Incumbent::retreat`] walks the trail back. What a [`Best`] keeps
//! of each improvement is small: how long the tour is, and when it was found.

use std::time::Duration;

use sigalarm::Best;

use crate::instance::Instance;
use crate::tour::{Flip, Tour};

/// A tour that is on trial, and the way back to the best one.
pub struct Incumbent<'i> {
    pub instance: &'i Instance,
    tour: Tour,
    /// The length of the best tour, and when it was found. The tour itself is `tour` less the `trail`.
    best: Best<Duration, i64>,
    /// What was done to `tour` since it was the best one, and how much longer that made it.
    trail: Vec<Flip>,
    excess: i64,
}

impl<'i> Incumbent<'i> {
    /// Starts with the cities in the order of the file: a poor answer, but one that is there at once.
    pub fn new(instance: &'i Instance) -> Incumbent<'i> {
        let tour = Tour::identity(instance.len());
        let mut best = Best::lowest();
        best.offer(instance.length(tour.cities()), || Duration::ZERO);
        Incumbent { instance, tour, best, trail: Vec::new(), excess: 0 }
    }

    /// The length of the best tour.
    pub fn length(&self) -> i64 {
        *self.best.score().expect("the order of the file was offered")
    }

    /// When the best tour was found.
    pub fn found_at(&self) -> Duration {
        *self.best.answer().expect("the order of the file was offered")
    }

    /// How often the best tour was replaced by a shorter one.
    pub fn improvements(&self) -> u64 {
        self.best.improvements() - 1 // the order of the file improves on nothing
    }

    /// The tour on trial. After [`settle`](Self::settle) or [`retreat`](Self::retreat) it is the best one.
    pub fn tour(&self) -> &Tour {
        &self.tour
    }

    /// Tries a flip.
    pub fn flip(&mut self, flip: Flip) {
        let Flip { a, b, c, d } = flip;
        let distance = |p, q| self.instance.distance(p, q);
        self.excess += distance(a, c) + distance(b, d) - distance(a, b) - distance(c, d);
        self.tour.flip(flip);
        self.trail.push(flip);
    }

    /// Makes the tour on trial the best one if it is shorter. `now` is the time to note for that.
    pub fn bank(&mut self, now: impl FnOnce() -> Duration) {
        if self.best.offer(self.length() + self.excess, now) {
            self.keep();
        }
    }

    /// Offers a tour of known length that was made elsewhere.
    pub fn offer(&mut self, tour: Tour, length: i64, now: impl FnOnce() -> Duration) {
        self.retreat();
        if self.best.offer(length, now) {
            self.tour = tour;
        }
    }

    /// Ends a trial: what is no longer than the best tour stays (an equal one leads to new places), and
    /// anything else is taken back.
    pub fn settle(&mut self, now: impl FnOnce() -> Duration) {
        self.bank(now);
        if self.excess == 0 {
            self.keep();
        } else {
            self.retreat();
        }
    }

    /// Goes back to the best tour.
    pub fn retreat(&mut self) {
        while let Some(flip) = self.trail.pop() {
            self.tour.flip(flip.inverse());
        }
        self.excess = 0;
    }

    /// From here on there is nothing to go back behind.
    fn keep(&mut self) {
        self.excess = 0;
        self.trail.clear();
    }
}
