//! Deadlines in order: a binary heap whose items can be found again.
//!
//! A guard is armed, restarted and dropped far more often than it expires, so what must be quick is to put an
//! item in and to take *any* item out, not only the first. The heap notes where each item stands. The common
//! cases, an inner alarm that comes and goes and a restart that moves the only deadline, touch one or two
//! places.

use crate::time::Time;

/// Items, each a small number, in the order of their moments.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// No item stands before its parent at `(i - 1) / 2`.
    heap: Vec<(Time, usize)>,
    /// Where in the heap each item stands, if it is in.
    places: Vec<usize>,
}

impl Queue {
    pub(super) const fn new() -> Queue {
        Queue { heap: Vec::new(), places: Vec::new() }
    }

    /// The earliest item.
    pub(super) fn first(&self) -> Option<(Time, usize)> {
        self.heap.first().copied()
    }

    /// Puts an item in, which must not be in.
    #[inline(always)]
    pub(super) fn insert(&mut self, time: Time, item: usize) {
        let at = self.heap.len();
        self.heap.push((time, item));
        if item >= self.places.len() {
            self.make_place(item);
        }
        self.places[item] = at;
        if at > 0 && time < self.heap[(at - 1) / 2].0 {
            self.rise(at);
        }
    }

    #[cold]
    fn make_place(&mut self, item: usize) {
        self.places.resize(item + 1, 0);
    }

    /// Takes an item out, which must be in.
    #[inline(always)]
    pub(super) fn remove(&mut self, item: usize) {
        let hole = self.places[item];
        debug_assert_eq!(self.heap[hole].1, item);
        let Some(last) = self.heap.pop() else { return };
        if hole < self.heap.len() {
            // It stands in the hole now: too late for it or too early.
            self.put(hole, last);
            self.rise(hole);
            self.sink(hole);
        }
    }

    /// Moves an item to another moment; it must be in.
    pub(super) fn shift(&mut self, time: Time, item: usize) {
        let at = self.places[item];
        debug_assert_eq!(self.heap[at].1, item);
        let was = std::mem::replace(&mut self.heap[at].0, time);
        if time < was { self.rise(at) } else { self.sink(at) }
    }

    fn rise(&mut self, mut at: usize) {
        let moving = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / 2;
            if self.heap[parent].0 <= moving.0 {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, moving);
    }

    fn sink(&mut self, mut at: usize) {
        let moving = self.heap[at];
        loop {
            let mut child = 2 * at + 1;
            if child + 1 < self.heap.len() && self.heap[child + 1].0 < self.heap[child].0 {
                child += 1;
            }
            if child >= self.heap.len() || moving.0 <= self.heap[child].0 {
                break;
            }
            self.put(at, self.heap[child]);
            at = child;
        }
        self.put(at, moving);
    }

    fn put(&mut self, at: usize, item: (Time, usize)) {
        self.heap[at] = item;
        self.places[item.1] = at;
    }
}
