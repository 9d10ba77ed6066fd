//! Local search: 2-opt and Or-opt moves between near cities, until none shortens the tour.

use std::collections::VecDeque;

use sigalarm::{Alarm, TimedOut};

use crate::construct::Neighbours;
use crate::incumbent::Incumbent;
use crate::live::Live;
use crate::tour::Flip;

/// The longest piece of tour that an Or-opt move carries elsewhere.
const LONGEST_PIECE: usize = 3;

/// Which way along the tour a move looks. Every move has a mirror image.
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

/// A change that makes the tour shorter.
enum Move {
    TwoOpt(Flip),
    /// Puts the piece `first`…`last`, which stands between `before` and `after`, into another edge, so that
    /// `first` stands beside `near` and `last` beside `far`. `turned` if it then runs against its old way.
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

/// Finds moves among near cities, and remembers where to look.
pub struct LocalSearch {
    neighbours: Neighbours,
    /// The cities whose surroundings have changed: only there can a move have become worth while.
    queue: VecDeque<u32>,
    queued: Vec<bool>,
}

impl LocalSearch {
    pub fn new(neighbours: Neighbours, n: usize) -> LocalSearch {
        LocalSearch { neighbours, queue: VecDeque::new(), queued: vec![false; n] }
    }

    /// Has `city` looked at in the next [`descend`](Self::descend).
    pub fn enqueue(&mut self, city: usize) {
        if !std::mem::replace(&mut self.queued[city], true) {
            self.queue.push_back(city as u32);
        }
    }

    /// Applies moves that shorten the tour until there are none. Each tour shorter than the best is banked.
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

    /// Trades the edges a–b and c–d for a–c and b–d, where b and d come after a and c.
    fn two_opt(&self, best: &Incumbent, a: usize, way: Way) -> Option<Move> {
        let distance = |p, q| best.instance.distance(p, q);
        let b = way.step(best, a);
        let ab = distance(a, b);
        for c in self.neighbours.of(a) {
            // One of the two new edges must be shorter than the old one that it shares a city with, and the
            // search from that city finds it. So a list of neighbours need not be read beyond this.
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

    /// Carries the piece of tour that starts at `first` to a place beside a neighbour of `first`.
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
                    // The edge that takes the piece in must be one that the piece does not touch now.
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
            // With p and n for what stands before and after the piece F…L, the tour goes
            //
            //     p F…L n…x y    as it is
            //     p x…n L…F y    after the first flip
            //     p n…x L…F y    after the second: the piece is there, turned around
            //     p n…x F…L y    after the third, if it must not be
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

    /// Does a flip and has its four cities looked at again.
    pub fn flip(&mut self, best: &mut Incumbent, flip: Flip) {
        best.flip(flip);
        for city in [flip.a, flip.b, flip.c, flip.d] {
            self.enqueue(city);
        }
    }
}
