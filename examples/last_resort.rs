//! The last resort: a limit on a function that never checks.
//!
//!     cargo run --release --example last_resort; echo "exit code $?"
//!
//! Where a check cannot be put, in somebody else's code or in a loop that has gone astray, nothing can be stopped in
//! good order. What is left is to end the process, with a line that says why and the exit code of timeout(1), instead
//! of leaving it to hang until somebody wonders.

use std::hint::black_box;
use std::time::Duration;

use sigalarm::{Alarm, ArmError};

fn main() -> Result<(), ArmError> {
    let limit = Duration::from_millis(200);
    let alarm = Alarm::builder().after(limit).abort_after(limit).label("factors").arm()?;

    // In time: the last resort goes with the guard, or waits for the next limit.
    println!("91 = 7 x {}", 91 / smallest_factor(91));

    alarm.restart();
    // 2^61 - 1 is a prime, and nobody told the function when to give up. No destructor runs at the end, and what has
    // not been flushed is lost: `println!` writes whole lines to a terminal, and may hold them back for a pipe.
    println!("now a hopeless one");
    println!("its smallest factor is {}", smallest_factor((1 << 61) - 1));
    println!("that took less than {:?}?", 2 * limit);
    Ok(())
}

/// The smallest factor above 1, by trial division; no check anywhere.
fn smallest_factor(n: u64) -> u64 {
    let mut divisor = 2;
    while divisor * divisor <= n {
        if black_box(n) % divisor == 0 {
            return divisor;
        }
        divisor += 1;
    }
    n
}
