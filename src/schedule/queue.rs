//! A binary heap that can remove any item, because most alarms are removed before they expire.

use crate::time::Time;

/// The index of each item in its heap. Several heaps can share this table if no item is in two heaps.
#[derive(Debug)]
pub(crate) struct Positions(Vec<usize>);

impl Positions {
    pub(crate) const fn new() -> Positions {
        Positions(Vec::new())
    }

    #[cold]
    fn grow(&mut self, item: usize) {
        self.0.resize(item + 1, 0);
    }
}

#[derive(Debug)]
pub(crate) struct Queue(Vec<(Time, usize)>);

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue(Vec::new())
    }

    pub(crate) fn first(&self) -> Option<(Time, usize)> {
        self.0.first().copied()
    }

    #[inline(always)]
    pub(crate) fn insert(&mut self, positions: &mut Positions, time: Time, item: usize) {
        let at = self.0.len();
        self.0.push((time, item));
        if item >= positions.0.len() {
            positions.grow(item);
        }
        positions.0[item] = at;
        if at > 0 && time < self.0[(at - 1) / 2].0 {
            self.sift(positions, at);
        }
    }

    #[inline(always)]
    pub(crate) fn remove(&mut self, positions: &mut Positions, item: usize) {
        let hole = positions.0[item];
        debug_assert_eq!(self.0[hole].1, item);
        let Some(last) = self.0.pop() else { return };
        if hole < self.0.len() {
            self.0[hole] = last;
            self.sift(positions, hole);
        }
    }

    fn sift(&mut self, positions: &mut Positions, mut at: usize) {
        let moving = self.0[at];
        while at > 0 && moving.0 < self.0[(at - 1) / 2].0 {
            self.put(positions, at, self.0[(at - 1) / 2]);
            at = (at - 1) / 2;
        }
        loop {
            let children = 2 * at + 1..self.0.len().min(2 * at + 3);
            let earliest = children.min_by_key(|&child| self.0[child].0);
            let Some(child) = earliest.filter(|&child| self.0[child].0 < moving.0) else { break };
            self.put(positions, at, self.0[child]);
            at = child;
        }
        self.put(positions, at, moving);
    }

    fn put(&mut self, positions: &mut Positions, at: usize, item: (Time, usize)) {
        self.0[at] = item;
        positions.0[item.1] = at;
    }
}
