//! A library that depends on `sigalarm-core` alone: without a limit, under one, and cancelled by another library.
//!
//! ```console
//! $ cargo run --release -p sigalarm-clients --example library
//! ```

use std::error::Error;
use std::time::Duration;

use enough::{Stop, StopReason};
use sigalarm::{Alarm, ThreadAlarms};
use sigalarm_client_library::{TimedOut, distance, distance_with, longest_common_run};

pub fn limited(a: &str, b: &str, limit: Duration) -> std::io::Result<usize> {
    let _alarm = Alarm::after(limit)?;
    Ok(distance(a, b)?)
}

pub fn run_limited(a: &[u8], b: &[u8], limit: Duration) -> std::io::Result<usize> {
    let _alarm = Alarm::after(limit)?;
    Ok(longest_common_run(a, b)?)
}

/// Passes an `enough::Stop` as the check.
pub fn stoppable(a: &str, b: &str, stop: impl Stop) -> Result<usize, StopReason> {
    distance_with(a, b, || stop.check())
}

#[allow(dead_code)] // The tests call the functions above.
fn main() -> Result<(), Box<dyn Error>> {
    println!("{}", distance("kitten", "sitting")?);

    let (long, longer) = ("ab".repeat(100_000), "ba".repeat(100_000)); // takes minutes
    let e = limited(&long, &longer, Duration::from_millis(100)).unwrap_err();
    println!("{}", TimedOut::find_in(&e).ok_or("another error")?);

    let _alarm = Alarm::after(Duration::from_millis(100))?;
    println!("{}", stoppable(&long, &longer, ThreadAlarms).unwrap_err());
    Ok(())
}
