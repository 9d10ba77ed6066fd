//! The first tour, by nearest neighbours, and the list of neighbours of each city.

use sigalarm::{Alarm, TimedOut};

use crate::instance::Instance;
use crate::kdtree::KdTree;
use crate::tour::Tour;

pub fn nearest_neighbour_tour(
    instance: &Instance,
    tree: &KdTree,
    alarm: &Alarm,
) -> Result<(Tour, i64), TimedOut> {
    let mut visited = tree.all();
    let mut found = Vec::new();
    let mut order = vec![0];
    let mut length = 0;
    let mut here = 0;
    loop {
        alarm.check()?;
        tree.remove(here, &mut visited);
        tree.nearest(here, 1, &visited, &mut found, alarm)?;
        let Some(next) = found.first() else {
            return Ok((Tour::new(order), length + instance.distance(here, 0)));
        };
        length += instance.distance(here, next.city);
        here = next.city;
        order.push(here as u32);
    }
}

/// For each city its closest cities, closest first: the candidates of the local search.
pub struct Neighbours {
    per_city: usize,
    lists: Vec<u32>,
}

impl Neighbours {
    pub fn new(instance: &Instance, tree: &KdTree, alarm: &Alarm) -> Result<Neighbours, TimedOut> {
        let n = instance.len();
        let per_city = 10.min(n - 1);
        let mut lists = vec![0; n * per_city];
        let none = tree.all();
        let mut found = Vec::new();
        // In the order of the tree successive searches use the same cache lines.
        for city in tree.cities() {
            alarm.check()?;
            tree.nearest(city, per_city, &none, &mut found, alarm)?;
            let list = &mut lists[city * per_city..][..per_city];
            list.iter_mut().zip(&found).for_each(|(entry, near)| *entry = near.city as u32);
        }
        Ok(Neighbours { per_city, lists })
    }

    #[inline]
    pub fn of(&self, city: usize) -> impl Iterator<Item = usize> {
        self.lists[city * self.per_city..][..self.per_city].iter().map(|&near| near as usize)
    }
}
