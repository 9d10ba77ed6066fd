//! A binary heap from which any item is quick to remove: most alarms never expire.

use crate::time::Time;

/// Each item's heap index, for queues with distinct items.
#[derive(Debug, Default)]
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

#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// A child at `i` is no earlier than its parent at `(i - 1) / 2`.
    heap: Vec<(Time, usize)>,
}

impl Queue {
    pub(crate) const fn new() -> Queue {
        Queue { heap: Vec::new() }
    }

    pub(crate) fn first(&self) -> Option<(Time, usize)> {
        self.heap.first().copied()
    }

    /// The item must be absent.
    #[inline(always)]
    pub(crate) fn insert(&mut self, positions: &mut Positions, time: Time, item: usize) {
        let at = self.heap.len();
        self.heap.push((time, item));
        if item >= positions.0.len() {
            positions.grow(item);
        }
        positions.0[item] = at;
        if at > 0 && time < self.heap[(at - 1) / 2].0 {
            self.rise(positions, at);
        }
    }

    /// The item must be present.
    #[inline(always)]
    pub(crate) fn remove(&mut self, positions: &mut Positions, item: usize) {
        let hole = positions.0[item];
        debug_assert_eq!(self.heap[hole].1, item);
        let Some(last) = self.heap.pop() else { return };
        if hole < self.heap.len() {
            // There it may be too early or too late.
            self.put(positions, hole, last);
            self.rise(positions, hole);
            self.sink(positions, hole);
        }
    }

    /// The item must be present.
    pub(crate) fn shift(&mut self, positions: &mut Positions, time: Time, item: usize) {
        let at = positions.0[item];
        debug_assert_eq!(self.heap[at].1, item);
        let was = std::mem::replace(&mut self.heap[at].0, time);
        if time < was { self.rise(positions, at) } else { self.sink(positions, at) }
    }

    fn rise(&mut self, positions: &mut Positions, mut at: usize) {
        let moving = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[parent].0 <= moving.0 {
                break;
            }
            self.put(positions, at, self.heap[parent]);
            at = parent;
        }
        self.put(positions, at, moving);
    }

    fn sink(&mut self, positions: &mut Positions, mut at: usize) {
        let moving = self.heap[at];
        loop {
            let mut child = 2 * at + 1;
            if child + 1 < self.heap.len() && self.heap[child + 1].0 < self.heap[child].0 {
                child += 1;
            }
            if child >= self.heap.len() || moving.0 <= self.heap[child].0 {
                break;
            }
            self.put(positions, at, self.heap[child]);
            at = child;
        }
        self.put(positions, at, moving);
    }

    fn put(&mut self, positions: &mut Positions, at: usize, item: (Time, usize)) {
        self.heap[at] = item;
        positions.0[item.1] = at;
    }
}
