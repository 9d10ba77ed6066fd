//! Loops with and without a check, for a disassembler or callgrind (`.ci/parts/hot-path` runs both).

#![allow(unsafe_code)] // Exports unique names, which the disassembly shows.

use std::hint::black_box;
use std::time::Duration;

use sigalarm::{Alarm, AlarmHandle, TimedOut, checkpoint};

#[inline(always)]
fn step(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

// The compiler cannot know when a loop reaches `end`, so it unrolls none of them.

#[inline(never)]
#[unsafe(no_mangle)]
fn bare(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn with_guard(start: u64, end: u64, alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        alarm.check()?;
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn with_handle(start: u64, end: u64, alarm: &AlarmHandle) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        alarm.check()?;
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn with_checkpoint(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        checkpoint()?;
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
#[sigalarm::cooperative]
fn with_attribute(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        x = step(x);
    }
    Ok(x)
}

/// A loop with floating-point registers and a value to drop, both of which a possible call can slow down.
#[inline(never)]
#[unsafe(no_mangle)]
fn bare_in_floats(start: u64, end: u64) -> Result<f64, TimedOut> {
    let something = vec![start];
    let (mut x, mut sum) = (start, 0.0);
    while x != end {
        x = step(x);
        sum += x as f64;
    }
    black_box(something);
    Ok(sum)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn in_floats(start: u64, end: u64) -> Result<f64, TimedOut> {
    let something = vec![start];
    let (mut x, mut sum) = (start, 0.0);
    while x != end {
        checkpoint()?;
        x = step(x);
        sum += x as f64;
    }
    black_box(something);
    Ok(sum)
}

/// A loop with one instruction too many, which the count must detect.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[unsafe(no_mangle)]
fn with_one_too_many(start: u64, end: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x != end {
        checkpoint()?;
        // SAFETY: the instruction has no effect.
        unsafe { std::arch::asm!("nop", options(nomem, nostack, preserves_flags)) };
        x = step(x);
    }
    Ok(x)
}

/// Runs each loop for `turns` turns; all must end at the same number.
fn all(turns: u64, alarm: &Alarm) -> Result<u64, TimedOut> {
    let start = black_box(1);
    let end = black_box((0..turns).fold(start, |x, _| step(x)));
    assert_eq!(bare(start, end)?, end);
    assert_eq!(with_guard(start, end, alarm)?, end);
    assert_eq!(with_handle(start, end, &alarm.handle())?, end);
    assert_eq!(with_checkpoint(start, end)?, end);
    assert_eq!(with_attribute(start, end)?, end);
    assert_eq!(bare_in_floats(start, end)?, in_floats(start, end)?);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(with_one_too_many(start, end)?, end);
    Ok(end)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let turns = std::env::args().nth(1).map_or(Ok(100_000), |turns| turns.parse())?;
    let alarm = Alarm::after(Duration::from_secs(600))?;
    drop(black_box(vec![0_u64])); // The first allocation takes longer.
    // Twice, so that a difference of counts leaves only the loops.
    let ends = [all(turns, &alarm)?, all(2 * turns, &alarm)?];
    println!("{} {}", ends[0], ends[1]);
    Ok(())
}
