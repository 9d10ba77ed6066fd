//! The Python recipe, line for line. `cargo run --example quickstart -- 3` sets a limit of three seconds.
//!
//! ```python
//! signal.signal(signal.SIGALRM, handler) # no handler to write
//! signal.alarm(10)                       # let alarm = Alarm::after(limit)?;
//! try:                                   # match
//!     long_function()                    # long_function(&alarm)
//! except TimeOutException:               # Err(timed_out) =>
//!     print("timed out")
//! signal.alarm(0)                        # drop(alarm);
//! ```

use std::error::Error;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut};

fn main() -> Result<(), Box<dyn Error>> {
    let seconds = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|e| format!("{text:?} is not a number of seconds: {e}"))?,
        None => 10,
    };

    let alarm = Alarm::after(Duration::from_secs(seconds))?;
    match long_function(&alarm) {
        Ok(number) => println!("the Collatz conjecture is false: {number}"),
        Err(timed_out) => println!("{timed_out}"),
    }
    drop(alarm);
    Ok(())
}

/// Looks for a number whose Collatz sequence does not reach 1.
fn long_function(alarm: &Alarm) -> Result<u64, TimedOut> {
    for start in 2.. {
        let mut n: u64 = start;
        while n >= start {
            alarm.check()?;
            n = if n % 2 == 0 {
                n / 2
            } else {
                match n.checked_mul(3).and_then(|n| n.checked_add(1)) {
                    Some(n) => n,
                    None => return Ok(start),
                }
            };
        }
    }
    unreachable!("the numbers do not end")
}
