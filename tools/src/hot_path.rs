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

/// A loop with this check.
macro_rules! with {
    ($name:ident($($alarm:ident: $type:ty)?) $($check:expr)?) => {
        #[inline(never)]
        #[unsafe(no_mangle)]
        fn $name(start: u64, end: u64 $(, $alarm: $type)?) -> Result<u64, TimedOut> {
            let mut x = start;
            while x != end {
                $($check;)?
                x = step(x);
            }
            Ok(x)
        }
    };
}

with!(bare());
with!(with_guard(alarm: &Alarm) alarm.check()?);
with!(with_handle(alarm: &AlarmHandle) alarm.check()?);
with!(with_checkpoint() checkpoint()?);

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
macro_rules! in_floats {
    ($name:ident $($check:expr)?) => {
        #[inline(never)]
        #[unsafe(no_mangle)]
        fn $name(start: u64, end: u64) -> Result<f64, TimedOut> {
            let something = vec![start];
            let (mut x, mut sum) = (start, 0.0);
            while x != end {
                $($check;)?
                x = step(x);
                sum += x as f64;
            }
            black_box(something);
            Ok(sum)
        }
    };
}

in_floats!(bare_in_floats);
in_floats!(in_floats checkpoint()?);

// One instruction too many, which the count must detect.
#[cfg(target_arch = "x86_64")]
with!(with_one_too_many() {
    checkpoint()?;
    // SAFETY: the instruction has no effect.
    unsafe { std::arch::asm!("nop", options(nomem, nostack, preserves_flags)) };
});

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
