//! Paired benchmarks: all variants run in turn in each round. The result is the median of the ratios within a round,
//! which slow changes of the machine do not affect.

use std::time::{Duration, Instant};

const ROUNDS: usize = 400;

/// Long for the clock's resolution, short for a time slice.
const TURN: Duration = Duration::from_micros(500);

type Work<'a> = Box<dyn FnMut() + 'a>;

/// Variants of one piece of work; the first is the baseline.
pub struct Group<'a> {
    title: &'static str,
    variants: Vec<(&'static str, Work<'a>)>,
}

impl<'a> Group<'a> {
    pub fn new(title: &'static str) -> Group<'a> {
        Group { title, variants: Vec::new() }
    }

    pub fn variant(mut self, name: &'static str, work: impl FnMut() + 'a) -> Group<'a> {
        self.variants.push((name, Box::new(work)));
        self
    }

    pub fn run(mut self) {
        let repeats: Vec<u32> = self.variants.iter_mut().map(|(_, work)| calibrate(work)).collect();
        let mut times = vec![Vec::with_capacity(ROUNDS); self.variants.len()];
        for round in 0..ROUNDS {
            // Another one starts each round.
            for turn in 0..self.variants.len() {
                let index = (round + turn) % self.variants.len();
                let work = &mut self.variants[index].1;
                let began = Instant::now();
                for _ in 0..repeats[index] {
                    work();
                }
                times[index].push(began.elapsed().as_secs_f64() / f64::from(repeats[index]));
            }
        }
        println!("\n{}", self.title);
        for (index, (name, _)) in self.variants.iter().enumerate() {
            let ratios = times[index].iter().zip(&times[0]).map(|(time, base)| time / base).collect();
            let nanos = median(times[index].clone()) * 1e9;
            println!("  {name:<34} {nanos:>12.1} ns   {:>7.3}", median(ratios));
        }
    }
}

fn calibrate(work: &mut dyn FnMut()) -> u32 {
    let mut repeats = 1_u32;
    loop {
        let began = Instant::now();
        for _ in 0..repeats {
            work();
        }
        let took = began.elapsed();
        if took >= TURN || repeats > 1 << 24 {
            return repeats;
        }
        repeats *= 2;
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
