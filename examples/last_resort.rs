//! `abort_after`: a limit on a function that never checks.
//!
//!     cargo run --release --example last_resort; echo "exit code $?"
//!
//! The watchdog prints a line and ends the process with the exit code of timeout(1).

use std::hint::black_box;
use std::time::Duration;

use sigalarm::{Alarm, ArmError};

fn main() -> Result<(), ArmError> {
    let limit = Duration::from_millis(200);
    let alarm = Alarm::builder().after(limit).abort_after(limit).label("factors").arm()?;

    println!("91 = 7 x {}", 91 / smallest_factor(91));

    alarm.restart(); // moves the watchdog's limit too
    // 2^61 - 1 is a prime, so this call takes too long. At the abort no destructor runs, and unflushed output is lost.
    println!("now a number that takes too long");
    println!("its smallest factor is {}", smallest_factor((1 << 61) - 1));
    println!("that took less than {:?}?", 2 * limit);
    Ok(())
}

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
