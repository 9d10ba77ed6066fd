//! The best tour so far, available at every check.
//!
//! A copy of each best tour would take time proportional to its length. Instead one tour is changed in place, and a
//! trail records the flips since the best one. [`Incumbent::retreat`] undoes them.

use std::time::Duration;

use sigalarm::Best;

use crate::instance::Instance;
use crate::tour::{Flip, Tour};

pub struct Incumbent<'i> {
    pub instance: &'i Instance,
    tour: Tour,
    /// The length of the best tour, and when it was found.
    best: Best<Duration, i64>,
    /// The flips since the best tour, and how much longer they made it.
    trail: Vec<Flip>,
    excess: i64,
}

impl<'i> Incumbent<'i> {
    pub fn new(instance: &'i Instance) -> Incumbent<'i> {
        let tour = Tour::identity(instance.len());
        let mut best = Best::lowest();
        best.offer(instance.length(tour.cities()), || Duration::ZERO);
        Incumbent { instance, tour, best, trail: Vec::new(), excess: 0 }
    }

    pub fn length(&self) -> i64 {
        *self.best.score().expect("the order of the file was offered")
    }

    pub fn found_at(&self) -> Duration {
        *self.best.answer().expect("the order of the file was offered")
    }

    pub fn improvements(&self) -> u64 {
        self.best.improvements() - 1 // without the order of the file
    }

    /// The tour on trial. After [`settle`](Self::settle) or [`retreat`](Self::retreat) it is the best one.
    pub fn tour(&self) -> &Tour {
        &self.tour
    }

    pub fn flip(&mut self, flip: Flip) {
        let Flip { a, b, c, d } = flip;
        let distance = |p, q| self.instance.distance(p, q);
        self.excess += distance(a, c) + distance(b, d) - distance(a, b) - distance(c, d);
        self.tour.flip(flip);
        self.trail.push(flip);
    }

    /// Makes the tour on trial the best one if it is shorter.
    pub fn bank(&mut self, now: impl FnOnce() -> Duration) {
        if self.best.offer(self.length() + self.excess, now) {
            self.keep();
        }
    }

    pub fn offer(&mut self, tour: Tour, length: i64, now: impl FnOnce() -> Duration) {
        self.retreat();
        if self.best.offer(length, now) {
            self.tour = tour;
        }
    }

    /// Ends a trial: keeps a tour that is no longer than the best one, and undoes a longer one.
    pub fn settle(&mut self, now: impl FnOnce() -> Duration) {
        self.bank(now);
        if self.excess == 0 {
            self.keep();
        } else {
            self.retreat();
        }
    }

    pub fn retreat(&mut self) {
        while let Some(flip) = self.trail.pop() {
            self.tour.flip(flip.inverse());
        }
        self.excess = 0;
    }

    fn keep(&mut self) {
        self.excess = 0;
        self.trail.clear();
    }
}
