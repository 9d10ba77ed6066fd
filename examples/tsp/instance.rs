#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// `EUC_2D`: Euclidean, rounded to the nearest integer.
    Euclidean,
    /// `CEIL_2D`: Euclidean, rounded up.
    Ceiling,
    /// `GEO`: kilometres on the earth, from latitude and longitude as DDD.MM.
    Geographical,
}

impl Metric {
    pub fn named(name: &str) -> Option<Metric> {
        match name {
            "EUC_2D" => Some(Metric::Euclidean),
            "CEIL_2D" => Some(Metric::Ceiling),
            "GEO" => Some(Metric::Geographical),
            _ => None,
        }
    }
}

pub struct Instance {
    pub name: String,
    /// In the order of the file. Other code numbers cities from 0 in this order.
    pub cities: Vec<[f64; 2]>,
    /// The file's number of each city.
    pub numbers: Vec<u64>,
    pub metric: Metric,
}

impl Instance {
    pub fn len(&self) -> usize {
        self.cities.len()
    }

    /// Computed each time: a table for 20,000 cities would take 3 GB.
    #[inline]
    pub fn distance(&self, a: usize, b: usize) -> i64 {
        let ([ax, ay], [bx, by]) = (self.cities[a], self.cities[b]);
        let (dx, dy) = (ax - bx, ay - by);
        let euclidean = (dx * dx + dy * dy).sqrt();
        match self.metric {
            Metric::Euclidean => (euclidean + 0.5) as i64,
            Metric::Ceiling => euclidean.ceil() as i64,
            Metric::Geographical => on_the_earth([ax, ay].map(radians), [bx, by].map(radians)),
        }
    }

    pub fn length(&self, tour: impl Iterator<Item = usize> + Clone) -> i64 {
        let next = tour.clone().cycle().skip(1);
        tour.zip(next).map(|(a, b)| self.distance(a, b)).sum()
    }

    pub fn optimum(&self) -> Option<i64> {
        let name = self.name.strip_suffix(".tsp").unwrap_or(&self.name);
        OPTIMA.iter().find(|&&(n, size, _)| n == name && size == self.len()).map(|&(_, _, length)| length)
    }
}

/// Converts degrees and minutes, with TSPLIB's value of pi.
fn radians(coordinate: f64) -> f64 {
    let degrees = coordinate.trunc();
    #[allow(clippy::approx_constant)]
    const PI: f64 = 3.141592;
    PI * (degrees + 5.0 * (coordinate - degrees) / 3.0) / 180.0
}

fn on_the_earth([lat_a, long_a]: [f64; 2], [lat_b, long_b]: [f64; 2]) -> i64 {
    const RADIUS: f64 = 6378.388;
    let (q1, q2, q3) = ((long_a - long_b).cos(), (lat_a - lat_b).cos(), (lat_a + lat_b).cos());
    let cosine = 0.5 * ((1.0 + q1) * q2 - (1.0 - q1) * q3);
    (RADIUS * cosine.clamp(-1.0, 1.0).acos() + 1.0) as i64
}

/// Name, number of cities and proven optimum of TSPLIB instances.
const OPTIMA: &[(&str, usize, i64)] = &[
    ("a280", 280, 2579),
    ("berlin52", 52, 7542),
    ("bier127", 127, 118282),
    ("burma14", 14, 3323),
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
    ("ulysses16", 16, 6859),
    ("ulysses22", 22, 7013),
];
