//! Local search: 2-opt and Or-opt moves between near cities, until none shortens the tour.

use std::collections::VecDeque;

use sigalarm::{Alarm, TimedOut};

use crate::construct::Neighbours;
use crate::incumbent::Incumbent;
use crate::live::Live;
use crate::tour::Flip;

const LONGEST_PIECE: usize = 3;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Onward,
    Back,
}

const BOTH_WAYS: [Way; 2] = [Way::Onward, Way::Back];

impl Way {
    #[inline]
    fn step(self, best: &Incumbent, city: usize) -> usize {
        match self {
            Way::Onward => best.tour().next(city),
            Way::Back => best.tour().previous(city),
        }
    }

    fn opposite(self) -> Way {
        match self {
            Way::Onward => Way::Back,
            Way::Back => Way::Onward,
        }
    }
}

enum Move {
    TwoOpt(Flip),
    /// Moves the piece `first`…`last` from between `before` and `after` into the edge `near`–`far`. `turned` reverses
    /// the piece.
    OrOpt {
        before: usize,
        first: usize,
        last: usize,
        after: usize,
        near: usize,
        far: usize,
        turned: bool,
    },
}

pub struct LocalSearch {
    neighbours: Neighbours,
    /// The cities whose edges have changed: only there can a new move exist.
    queue: VecDeque<u32>,
    queued: Vec<bool>,
}

impl LocalSearch {
    pub fn new(neighbours: Neighbours, n: usize) -> LocalSearch {
        LocalSearch { neighbours, queue: VecDeque::new(), queued: vec![false; n] }
    }

    pub fn enqueue(&mut self, city: usize) {
        if !std::mem::replace(&mut self.queued[city], true) {
            self.queue.push_back(city as u32);
        }
    }

    /// Applies moves until none shortens the tour, and banks each shorter tour.
    pub fn descend(&mut self, best: &mut Incumbent, live: &mut Live, alarm: &Alarm) -> Result<(), TimedOut> {
        while let Some(city) = self.queue.pop_front() {
            alarm.check()?;
            live.show(best, alarm);
            let city = city as usize;
            self.queued[city] = false;
            let found = BOTH_WAYS
                .into_iter()
                .find_map(|way| self.two_opt(best, city, way).or_else(|| self.or_opt(best, city, way)));
            if let Some(found) = found {
                self.make(best, found);
                best.bank(|| alarm.elapsed());
                self.enqueue(city);
            }
        }
        Ok(())
    }

    /// Replaces the edges a–b and c–d by a–c and b–d, where b and d come after a and c.
    fn two_opt(&self, best: &Incumbent, a: usize, way: Way) -> Option<Move> {
        let distance = |p, q| best.instance.distance(p, q);
        let b = way.step(best, a);
        let ab = distance(a, b);
        for c in self.neighbours.of(a) {
            // One of the new edges is shorter than the old edge at the same city. The search from that city finds it,
            // so others can stop here.
            let gain = ab - distance(a, c);
            if gain <= 0 {
                break;
            }
            let d = way.step(best, c);
            if gain + distance(c, d) > distance(b, d) {
                return Some(Move::TwoOpt(Flip { a, b, c, d }));
            }
        }
        None
    }

    /// Moves the piece that starts at `first` next to a neighbour of `first`.
    fn or_opt(&self, best: &Incumbent, first: usize, way: Way) -> Option<Move> {
        let distance = |p, q| best.instance.distance(p, q);
        let before = way.opposite().step(best, first);
        let mut piece = [first; LONGEST_PIECE];
        for length in 1..=LONGEST_PIECE {
            if length > 1 {
                piece[length - 1] = way.step(best, piece[length - 2]);
            }
            let piece = &piece[..length];
            let last = piece[length - 1];
            let after = way.step(best, last);
            let gain = distance(before, first) + distance(last, after) - distance(before, after);
            for near in self.neighbours.of(first) {
                let gain = gain - distance(first, near);
                if gain <= 0 {
                    break;
                }
                for side in BOTH_WAYS {
                    let far = side.step(best, near);
                    // The piece must not touch the edge that it moves into.
                    let apart = !piece.contains(&near) && !piece.contains(&far);
                    if apart && gain + distance(near, far) > distance(last, far) {
                        let turned = side != way;
                        return Some(Move::OrOpt { before, first, last, after, near, far, turned });
                    }
                }
            }
        }
        None
    }

    fn make(&mut self, best: &mut Incumbent, found: Move) {
        match found {
            Move::TwoOpt(flip) => self.flip(best, flip),
            //     p F…L n…x y    before, with p and n around the piece F…L
            //     p x…n L…F y    after the first flip
            //     p n…x L…F y    after the second: the piece is moved and reversed
            //     p n…x F…L y    after the third, if it must not be reversed
            Move::OrOpt { before: p, first, last, after: n, near, far, turned } => {
                let (x, y) = if turned { (far, near) } else { (near, far) };
                self.flip(best, Flip { a: p, b: first, c: x, d: y });
                self.flip(best, Flip { a: p, b: x, c: n, d: last });
                if !turned {
                    self.flip(best, Flip { a: x, b: last, c: first, d: y });
                }
            }
        }
    }

    pub fn flip(&mut self, best: &mut Incumbent, flip: Flip) {
        best.flip(flip);
        for city in [flip.a, flip.b, flip.c, flip.d] {
            self.enqueue(city);
        }
    }
}
