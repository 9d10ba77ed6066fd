//! Finds near cities: a k-d tree in arrays, from which cities can be removed. Unlike a grid, it stays fast for
//! clustered cities.

use sigalarm::{Alarm, TimedOut};

/// A node is a range of `items`: its middle is the node's city, and the halves are its children.
pub struct KdTree<'i> {
    cities: &'i [[f64; 2]],
    items: Vec<u32>,
    /// The index in `items` of each city.
    place: Vec<u32>,
    /// The coordinate that splits the node with this middle.
    axis: Vec<u8>,
}

/// The cities that a search skips.
pub struct Removed {
    /// By index in `items`: whether the city is removed, and how many are removed from its node.
    here: Vec<bool>,
    inside: Vec<u32>,
}

fn middle(low: usize, high: usize) -> usize {
    low + (high - low) / 2
}

impl<'i> KdTree<'i> {
    pub fn new(cities: &'i [[f64; 2]], alarm: &Alarm) -> Result<KdTree<'i>, TimedOut> {
        let n = cities.len();
        let mut tree = KdTree { cities, items: (0..n as u32).collect(), place: vec![0; n], axis: vec![0; n] };
        tree.split(0, n, alarm)?;
        for (i, &city) in tree.items.iter().enumerate() {
            alarm.check()?;
            tree.place[city as usize] = i as u32;
        }
        Ok(tree)
    }

    fn split(&mut self, low: usize, high: usize, alarm: &Alarm) -> Result<(), TimedOut> {
        if high - low < 2 {
            return Ok(());
        }
        let mid = middle(low, high);
        let axis = self.longer_side(low, high, alarm)?;
        self.axis[mid] = axis;
        self.select(low, high, mid, axis, alarm)?;
        self.split(low, mid, alarm)?;
        self.split(mid + 1, high, alarm)
    }

    fn longer_side(&self, low: usize, high: usize, alarm: &Alarm) -> Result<u8, TimedOut> {
        let (mut least, mut most) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for &city in &self.items[low..high] {
            alarm.check()?;
            for (axis, &value) in self.cities[city as usize].iter().enumerate() {
                least[axis] = least[axis].min(value);
                most[axis] = most[axis].max(value);
            }
        }
        Ok((most[1] - least[1] > most[0] - least[0]).into())
    }

    /// Partitions a range around its `nth` smallest city.
    ///
    /// The standard library's `select_nth_unstable_by` takes long on a large range and has no check.
    fn select(
        &mut self,
        mut low: usize,
        mut high: usize,
        nth: usize,
        axis: u8,
        alarm: &Alarm,
    ) -> Result<(), TimedOut> {
        let cities = self.cities;
        let key = |city: u32| cities[city as usize][usize::from(axis)];
        while high - low > 1 {
            let pivot = key(self.items[middle(low, high)]);
            let (mut i, mut j) = (low, high);
            while i < j {
                alarm.check()?;
                if key(self.items[i]) < pivot {
                    i += 1;
                } else if key(self.items[j - 1]) > pivot {
                    j -= 1;
                } else {
                    self.items.swap(i, j - 1);
                    i += 1;
                    j -= 1;
                }
            }
            // Now `low..j` is at most the pivot, `i..high` at least, and what lies between equals it.
            if nth < j {
                high = j;
            } else if nth >= i {
                low = i;
            } else {
                break;
            }
        }
        Ok(())
    }

    pub fn cities(&self) -> impl Iterator<Item = usize> {
        self.items.iter().map(|&city| city as usize)
    }

    pub fn all(&self) -> Removed {
        Removed { here: vec![false; self.items.len()], inside: vec![0; self.items.len()] }
    }

    pub fn remove(&self, city: usize, removed: &mut Removed) {
        let place = self.place[city] as usize;
        removed.here[place] = true;
        let (mut low, mut high) = (0, self.items.len());
        loop {
            let mid = middle(low, high);
            removed.inside[mid] += 1;
            if place == mid {
                return;
            } else if place < mid {
                high = mid;
            } else {
                low = mid + 1;
            }
        }
    }

    /// Finds up to `count` of the cities closest to `city`, closest first.
    pub fn nearest(
        &self,
        city: usize,
        count: usize,
        removed: &Removed,
        found: &mut Vec<Near>,
        alarm: &Alarm,
    ) -> Result<(), TimedOut> {
        found.clear();
        let mut query = Query { tree: self, removed, city, count, found, alarm };
        query.visit(0, self.items.len())
    }
}

pub struct Near {
    pub city: usize,
    square: f64,
}

struct Query<'q> {
    tree: &'q KdTree<'q>,
    removed: &'q Removed,
    city: usize,
    count: usize,
    found: &'q mut Vec<Near>,
    alarm: &'q Alarm,
}

impl Query<'_> {
    fn visit(&mut self, low: usize, high: usize) -> Result<(), TimedOut> {
        self.alarm.check()?;
        let mid = middle(low, high);
        if low == high || self.removed.inside[mid] as usize == high - low {
            return Ok(());
        }
        let city = self.tree.items[mid] as usize;
        if city != self.city && !self.removed.here[mid] {
            self.consider(city);
        }
        let axis = usize::from(self.tree.axis[mid]);
        let beyond = self.tree.cities[self.city][axis] - self.tree.cities[city][axis];
        let (near, far) =
            if beyond < 0.0 { ((low, mid), (mid + 1, high)) } else { ((mid + 1, high), (low, mid)) };
        self.visit(near.0, near.1)?;
        if self.has_room_at(beyond * beyond) {
            self.visit(far.0, far.1)?;
        }
        Ok(())
    }

    fn has_room_at(&self, square: f64) -> bool {
        self.found.len() < self.count || self.found.last().is_some_and(|worst| square < worst.square)
    }

    fn consider(&mut self, city: usize) {
        let ([ax, ay], [bx, by]) = (self.tree.cities[self.city], self.tree.cities[city]);
        let (dx, dy) = (ax - bx, ay - by);
        let square = dx * dx + dy * dy;
        if self.has_room_at(square) {
            let at = self.found.partition_point(|other| other.square <= square);
            self.found.insert(at, Near { city, square });
            self.found.truncate(self.count);
        }
    }
}
