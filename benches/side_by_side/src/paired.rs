//! Paired measurement: all variants take turns in each round, and what is reported is the median of the ratios within a
//! round.
//!
//! On a shared machine the clock rate and the neighbours change from second to second. A ratio of two times taken a
//! millisecond apart does not see that; a ratio of two times taken a minute apart is made of it.

use std::time::{Duration, Instant};

use crate::figures::{Group, Way};

/// The seconds that one run of each took, round by round. Every turn runs as often as fills `turn`.
pub fn take_turns(work: &mut [&mut dyn FnMut()], rounds: usize, turn: Duration) -> Vec<Vec<f64>> {
    let repeats: Vec<u32> = work.iter_mut().map(|work| calibrate(work, turn)).collect();
    let mut times = vec![Vec::with_capacity(rounds); work.len()];
    for round in 0..rounds {
        // A different one begins each round, so that none always follows the start.
        for at in 0..work.len() {
            let index = (round + at) % work.len();
            let work = &mut work[index];
            let began = Instant::now();
            for _ in 0..repeats[index] {
                work();
            }
            times[index].push(began.elapsed().as_secs_f64() / f64::from(repeats[index]));
        }
    }
    times
}

/// Named ways to do one thing.
#[derive(Default)]
pub struct Ways<'a> {
    names: Vec<&'static str>,
    work: Vec<Box<dyn FnMut() + 'a>>,
}

impl<'a> Ways<'a> {
    /// The first is what the others are held against.
    pub fn new(name: &'static str, work: impl FnMut() + 'a) -> Ways<'a> {
        Ways::default().and(name, work)
    }

    pub fn and(mut self, name: &'static str, work: impl FnMut() + 'a) -> Ways<'a> {
        self.names.push(name);
        self.work.push(Box::new(work));
        self
    }

    pub fn measure(mut self, title: &str, rounds: usize, turn: Duration) -> Group {
        eprintln!("  {title}");
        let mut work: Vec<&mut dyn FnMut()> = self.work.iter_mut().map(|w| &mut **w as _).collect();
        let times = take_turns(&mut work, rounds, turn);
        let ways = self.names.iter().zip(&times).map(|(name, own)| Way {
            name: (*name).to_owned(),
            nanos: median(own.iter().copied()) * 1e9,
            ratio: median(own.iter().zip(&times[0]).map(|(time, base)| time / base)),
            apart: false,
        });
        Group { title: title.to_owned(), ways: ways.collect() }
    }
}

fn calibrate(work: &mut dyn FnMut(), turn: Duration) -> u32 {
    let mut repeats = 1_u32;
    loop {
        let began = Instant::now();
        for _ in 0..repeats {
            work();
        }
        if began.elapsed() >= turn || repeats > 1 << 24 {
            return repeats;
        }
        repeats *= 2;
    }
}

pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] }
}
