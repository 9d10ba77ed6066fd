//! A limit on a computation in a thread pool: rayon.
//!
//! ```text
//! cargo run --release -p sigalarm-clients --example pool
//! ```
//!
//! A closure may check a borrowed `&Alarm` on any thread. For code that calls `checkpoint()`, each thread of the pool
//! enters the alarm first.

use std::ops::Range;
use std::time::Duration;

use rayon::prelude::*;
use sigalarm::{Alarm, TimedOut, checkpoint, within};

fn collatz(mut n: u64) -> Result<u32, TimedOut> {
    let mut steps = 0;
    while n != 1 {
        checkpoint()?;
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    Ok(steps)
}

pub fn longest(starts: Range<u64>, alarm: &Alarm) -> Result<Option<(u32, u64)>, TimedOut> {
    starts
        .into_par_iter()
        .map(|start| {
            alarm.check()?;
            let mut n = start;
            let mut steps = 0;
            while n != 1 {
                n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
                steps += 1;
            }
            Ok((steps, start))
        })
        .try_reduce_with(|a, b| Ok(a.max(b)))
        .transpose()
}

pub fn longest_entered(starts: Range<u64>, alarm: &Alarm) -> Result<Option<(u32, u64)>, TimedOut> {
    starts
        .into_par_iter()
        .map_init(|| alarm.enter(), |_entered, start| Ok((collatz(start)?, start)))
        .try_reduce_with(|a, b| Ok(a.max(b)))
        .transpose()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limit = Duration::from_millis(500);
    for end in [100_000, u64::from(u32::MAX) * 64] {
        for search in [longest, longest_entered] {
            match within(limit, |alarm| search(1..end, alarm))? {
                Ok(Some((steps, start))) => println!("below {end}: {steps} steps from {start}"),
                Ok(None) => println!("no number below {end}"),
                Err(timed_out) => println!("below {end}: {timed_out}"),
            }
        }
    }
    Ok(())
}
