//! Paired benchmarks: all variants run in turn in each round. The result is the median of the ratios within a round,
//! which slow changes of the machine do not affect.

use std::time::{Duration, Instant};

use crate::figures::{Group, Way};

/// Returns the seconds of one run of each, round by round. Each turn lasts at least `turn`.
pub fn take_turns(work: &mut [&mut dyn FnMut()], rounds: usize, turn: Duration) -> Vec<Vec<f64>> {
    let repeats: Vec<u32> = work.iter_mut().map(|work| calibrate(work, turn)).collect();
    let mut times = vec![Vec::with_capacity(rounds); work.len()];
    for round in 0..rounds {
        // Another one starts each round.
        for at in 0..work.len() {
            let index = (round + at) % work.len();
            let work = &mut work[index];
            work(); // Not measured: it finds the caches as another way has left them.
            let began = Instant::now();
            for _ in 0..repeats[index] {
                work();
            }
            times[index].push(began.elapsed().as_secs_f64() / f64::from(repeats[index]));
        }
    }
    times
}

#[derive(Default)]
pub struct Ways<'a> {
    names: Vec<&'static str>,
    work: Vec<Box<dyn FnMut() + 'a>>,
}

impl<'a> Ways<'a> {
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
