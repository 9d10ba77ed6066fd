//! The problem: named cities in the plane, and the whole-number distance between any two of them.

/// A symmetric travelling-salesman problem in the plane, TSPLIB's `EUC_2D`.
pub struct Instance {
    pub name: String,
    /// The coordinates, in the order of the file. Everything else counts cities from 0 in this order.
    pub cities: Vec<[f64; 2]>,
    /// What the file calls each city.
    pub numbers: Vec<u64>,
}

impl Instance {
    pub fn len(&self) -> usize {
        self.cities.len()
    }

    /// TSPLIB's distance: the Euclidean one, rounded to the nearest integer, halves up.
    ///
    /// It is computed anew each time, as a table of all pairs would take 3 GB for 20,000 cities.
    #[inline]
    pub fn distance(&self, a: usize, b: usize) -> i64 {
        let ([ax, ay], [bx, by]) = (self.cities[a], self.cities[b]);
        let (dx, dy) = (ax - bx, ay - by);
        // The cast cuts the fraction off, which for a number that is never negative rounds down.
        ((dx * dx + dy * dy).sqrt() + 0.5) as i64
    }

    /// The length of a closed tour.
    pub fn length(&self, tour: impl Iterator<Item = usize> + Clone) -> i64 {
        let next = tour.clone().cycle().skip(1);
        tour.zip(next).map(|(a, b)| self.distance(a, b)).sum()
    }

    /// The length of the best tour there is, where it is known.
    pub fn optimum(&self) -> Option<i64> {
        let name = self.name.strip_suffix(".tsp").unwrap_or(&self.name);
        OPTIMA.iter().find(|&&(n, size, _)| n == name && size == self.len()).map(|&(_, _, length)| length)
    }
}

/// Name, number of cities and proven optimum of well-known TSPLIB instances.
const OPTIMA: &[(&str, usize, i64)] = &[
    ("a280", 280, 2579),
    ("berlin52", 52, 7542),
    ("bier127", 127, 118282),
    ("ch130", 130, 6110),
    ("ch150", 150, 6528),
    ("d198", 198, 15780),
    ("d657", 657, 48912),
    ("eil101", 101, 629),
    ("eil51", 51, 426),
    ("eil76", 76, 538),
    ("kroA100", 100, 21282),
    ("kroA150", 150, 26524),
    ("kroA200", 200, 29368),
    ("kroB100", 100, 22141),
    ("kroB150", 150, 26130),
    ("kroB200", 200, 29437),
    ("kroC100", 100, 20749),
    ("kroD100", 100, 21294),
    ("kroE100", 100, 22068),
    ("lin105", 105, 14379),
    ("lin318", 318, 42029),
    ("pcb442", 442, 50778),
    ("pr1002", 1002, 259045),
    ("pr107", 107, 44303),
    ("pr124", 124, 59030),
    ("pr144", 144, 58537),
    ("pr152", 152, 73682),
    ("pr76", 76, 108159),
    ("rat195", 195, 2323),
    ("rat99", 99, 1211),
    ("rd100", 100, 7910),
    ("st70", 70, 675),
    ("tsp225", 225, 3916),
    ("u159", 159, 42080),
];
