//! The search: a first tour, a descent from it, then kicks and repairs.
//!
//! Any `?` may leave it without cleanup: [`run`] restores the best tour from the [`Incumbent`].

use std::time::Duration;

use sigalarm::{Alarm, TimedOut};

use crate::construct::{Neighbours, nearest_neighbour_tour};
use crate::exhaustive;
use crate::incumbent::Incumbent;
use crate::kdtree::KdTree;
use crate::live::Live;
use crate::local::LocalSearch;
use crate::rng::Rng;
use crate::tour::Flip;

/// The longest piece that a kick swaps. Short pieces keep the repair local.
const LONGEST_PIECE: usize = 50;

pub struct Settings {
    pub seed: u64,
    pub kicks: Option<u64>,
}

/// Why a search ended before its limit.
pub enum Ended {
    Exhausted,
    Kicks(u64),
}

#[derive(Default)]
pub struct Progress {
    pub stages: Vec<Stage>,
    pub kicks: u64,
}

pub struct Stage {
    pub name: &'static str,
    pub length: i64,
    pub at: Duration,
}

pub fn run(
    best: &mut Incumbent,
    progress: &mut Progress,
    settings: &Settings,
    live: &mut Live,
    alarm: &Alarm,
) -> Result<Ended, TimedOut> {
    progress.note("file order", best, alarm.elapsed());
    let ended = if best.instance.len() <= exhaustive::MOST_CITIES {
        exhaustive::search(best, alarm).map(|()| {
            progress.note("every tour", best, alarm.elapsed());
            Ended::Exhausted
        })
    } else {
        iterated_local_search(best, progress, settings, live, alarm)
    };
    best.retreat();
    ended
}

fn iterated_local_search(
    best: &mut Incumbent,
    progress: &mut Progress,
    settings: &Settings,
    live: &mut Live,
    alarm: &Alarm,
) -> Result<Ended, TimedOut> {
    let instance = best.instance;
    let tree = KdTree::new(&instance.cities, alarm)?;
    let (tour, length) = nearest_neighbour_tour(instance, &tree, alarm)?;
    best.offer(tour, length, || alarm.elapsed());
    progress.note("nearest neighbour", best, alarm.elapsed());

    let mut local = LocalSearch::new(Neighbours::new(instance, &tree, alarm)?, instance.len());
    for place in 0..instance.len() {
        alarm.check()?;
        local.enqueue(best.tour().at(place));
    }
    local.descend(best, live, alarm)?;
    progress.note("2-opt and Or-opt", best, alarm.elapsed());

    let mut rng = Rng::new(settings.seed);
    while settings.kicks.is_none_or(|wanted| progress.kicks < wanted) {
        alarm.check()?;
        kick(&mut local, best, &mut rng);
        local.descend(best, live, alarm)?;
        best.settle(|| alarm.elapsed());
        progress.kicks += 1;
    }
    Ok(Ended::Kicks(progress.kicks))
}

/// The double bridge: swaps two adjacent pieces. Improving 2-opt moves rarely undo it, so it leaves a local optimum.
fn kick(local: &mut LocalSearch, best: &mut Incumbent, rng: &mut Rng) {
    let tour = best.tour();
    // At least two cities must remain outside of the two pieces.
    let longest = LONGEST_PIECE.min((tour.len() - 2) / 2);
    let (start, first, second) = (rng.below(tour.len()), 1 + rng.below(longest), 1 + rng.below(longest));
    let [p, a, b, c, d, q] =
        [0, 1, first, first + 1, first + second, first + second + 1].map(|offset| tour.at(start + offset));
    // p a…b c…d q  becomes  p d…c b…a q,  then  p c…d b…a q,  then  p c…d a…b q.
    local.flip(best, Flip { a: p, b: a, c: d, d: q });
    local.flip(best, Flip { a: p, b: d, c, d: b });
    local.flip(best, Flip { a: d, b, c: a, d: q });
}

impl Progress {
    fn note(&mut self, name: &'static str, best: &Incumbent, at: Duration) {
        self.stages.push(Stage { name, length: best.length(), at });
    }
}
