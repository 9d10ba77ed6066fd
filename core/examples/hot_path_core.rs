//! Loops with and without a checkpoint, whose instructions `.ci/parts/hot-path` counts.

#![allow(unsafe_code)] // `no_mangle`, so that the script finds the functions.

use std::hint::black_box;

use sigalarm_core::{TimedOut, checkpoint};

#[inline(always)]
fn step(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

#[inline(never)]
#[no_mangle]
fn bare(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[no_mangle]
fn with_core_checkpoint(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        checkpoint()?;
        x = step(x);
    }
    Ok(x)
}

fn all(turns: u64) -> Result<u64, TimedOut> {
    let start = black_box(1);
    let end = black_box((0..turns).fold(start, |x, _| step(x)));
    assert_eq!(bare(start, end)?, end);
    assert_eq!(with_core_checkpoint(start, end)?, end);
    Ok(end)
}

fn main() -> Result<(), TimedOut> {
    let turns = std::env::args().nth(1).and_then(|turns| turns.parse().ok()).unwrap_or(100_000);
    // Two lengths: their difference excludes code outside the loops.
    let ends = [all(turns)?, all(2 * turns)?];
    println!("{} {}", ends[0], ends[1]);
    Ok(())
}
