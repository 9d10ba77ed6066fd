//! A closed tour in an array, and its only change: the 2-opt flip.

pub struct Tour {
    order: Vec<u32>,
    position: Vec<u32>,
}

/// Replaces the edges a–b and c–d by a–c and b–d, in a tour that visits a, b, …, c, d in either direction.
#[derive(Clone, Copy)]
pub struct Flip {
    pub a: usize,
    pub b: usize,
    pub c: usize,
    pub d: usize,
}

impl Flip {
    pub fn inverse(self) -> Flip {
        Flip { b: self.c, c: self.b, ..self }
    }
}

impl Tour {
    pub fn identity(n: usize) -> Tour {
        Tour::new((0..n as u32).collect())
    }

    /// `order` contains each of `0..order.len()` once.
    pub fn new(order: Vec<u32>) -> Tour {
        let mut position = vec![0; order.len()];
        for (i, &city) in order.iter().enumerate() {
            position[city as usize] = i as u32;
        }
        Tour { order, position }
    }

    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn cities(&self) -> impl Iterator<Item = usize> + Clone {
        self.order.iter().map(|&city| city as usize)
    }

    pub fn at(&self, place: usize) -> usize {
        self.order[place % self.order.len()] as usize
    }

    #[inline]
    pub fn next(&self, city: usize) -> usize {
        let i = self.position[city] as usize + 1;
        self.order[if i == self.order.len() { 0 } else { i }] as usize
    }

    #[inline]
    pub fn previous(&self, city: usize) -> usize {
        let i = self.position[city] as usize;
        self.order[if i == 0 { self.order.len() - 1 } else { i - 1 }] as usize
    }

    /// Applies a flip, in time proportional to the shorter half.
    pub fn flip(&mut self, flip: Flip) {
        let Flip { a, b, c, d } = flip;
        if self.next(a) == b {
            debug_assert_eq!(self.next(c), d);
            self.reverse(b, c);
        } else {
            debug_assert!(self.next(b) == a && self.next(d) == c);
            self.reverse(c, b);
        }
    }

    fn reverse(&mut self, from: usize, to: usize) {
        let n = self.order.len();
        let (mut i, mut j) = (self.position[from] as usize, self.position[to] as usize);
        let mut count = if i <= j { j - i + 1 } else { j + n - i + 1 };
        if 2 * count > n {
            // Reversing the rest of the tour gives the same cycle.
            (i, j) = (if j + 1 == n { 0 } else { j + 1 }, if i == 0 { n - 1 } else { i - 1 });
            count = n - count;
        }
        for _ in 0..count / 2 {
            self.order.swap(i, j);
            self.position[self.order[i] as usize] = i as u32;
            self.position[self.order[j] as usize] = j as u32;
            i = if i + 1 == n { 0 } else { i + 1 };
            j = if j == 0 { n - 1 } else { j - 1 };
        }
    }
}
