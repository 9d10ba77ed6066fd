//! Three loops to look at in a disassembler: bare, with a guard's check, with a checkpoint. A check is a comparison
//! with memory and a branch that is not taken.
//!
//! ```text
//! cargo build --release --example hot_path
//! objdump -d --no-show-raw-insn target/release/examples/hot_path | grep -A20 '<with_guard>:'
//! ```

#![allow(unsafe_code)] // For the three names, so that they can be found; nobody else exports them.

use std::hint::black_box;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint};

/// The loops end when they come upon this; nobody can tell when, so the compiler leaves them as they are.
const END: u64 = 0x5eed;

/// A step of a generator of random numbers.
#[inline(always)]
fn step(mut x: u64) -> u64 {
    x ^= x << 13;
    x ^= x >> 7;
    x ^ (x << 17)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn bare(start: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x & 0xffff != END {
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn with_guard(start: u64, alarm: &Alarm) -> Result<u64, TimedOut> {
    let mut x = start;
    while x & 0xffff != END {
        alarm.check()?;
        x = step(x);
    }
    Ok(x)
}

#[inline(never)]
#[unsafe(no_mangle)]
fn with_checkpoint(start: u64) -> Result<u64, TimedOut> {
    let mut x = start;
    while x & 0xffff != END {
        checkpoint()?;
        x = step(x);
    }
    Ok(x)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let alarm = Alarm::after(Duration::from_secs(10))?;
    let start = black_box(1);
    let answers = [bare(start)?, with_guard(start, &alarm)?, with_checkpoint(start)?];
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    println!("{}", answers[0]);
    Ok(())
}
