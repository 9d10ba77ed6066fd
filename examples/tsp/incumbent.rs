//! The best tour so far, held so that it can be had back at any moment.
//!
//! A search that may be cut short anywhere needs a good answer at every check. A copy of the best tour would
//! cost as much as the tour is long, and a kick changes a few dozen places. So there is only one tour, and the
//! trail of the flips since it was the best; [`Incumbent::retreat`] walks the trail back.

use std::time::Duration;

use crate::instance::Instance;
use crate::tour::{Flip, Tour};

/// A tour that is on trial, and the way back to the best one.
pub struct Incumbent<'i> {
    pub instance: &'i Instance,
    tour: Tour,
    /// The length of the best tour.
    length: i64,
    /// What was done to `tour` since it was the best one, and how much longer that made it.
    trail: Vec<Flip>,
    excess: i64,
    /// How often the best tour was replaced by a shorter one, and when it last was.
    pub improvements: u64,
    pub improved_at: Duration,
}

impl<'i> Incumbent<'i> {
    /// Starts with the cities in the order of the file: a poor answer, but one that is there at once.
    pub fn new(instance: &'i Instance) -> Incumbent<'i> {
        let tour = Tour::identity(instance.len());
        let length = instance.length(tour.cities());
        Incumbent {
            instance,
            tour,
            length,
            trail: Vec::new(),
            excess: 0,
            improvements: 0,
            improved_at: Duration::ZERO,
        }
    }

    /// The length of the best tour.
    pub fn length(&self) -> i64 {
        self.length
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
        if self.excess < 0 {
            self.improvements += 1;
            self.improved_at = now();
            self.keep();
        }
    }

    /// Offers a tour of known length that was made elsewhere.
    pub fn offer(&mut self, tour: Tour, length: i64, now: impl FnOnce() -> Duration) {
        self.retreat();
        if length < self.length {
            self.excess = length - self.length;
            self.tour = tour;
            self.bank(now);
        }
    }

    /// Ends a trial: what is no longer than the best tour stays (an equal one leads to new places), and
    /// anything else is taken back.
    pub fn settle(&mut self) {
        if self.excess <= 0 {
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

    fn keep(&mut self) {
        self.length += self.excess;
        self.excess = 0;
        self.trail.clear();
    }
}
