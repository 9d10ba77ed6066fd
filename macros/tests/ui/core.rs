//! Options that `sigalarm-core` does not support.

use sigalarm_core::{TimedOut, cooperative, time_limit};

#[cooperative(unwind)]
fn unwinds(numbers: &mut [u64]) {
    for n in numbers {
        while *n > 1 {
            *n /= 2;
        }
    }
}

#[time_limit("10s")]
#[cooperative]
fn limited() -> Result<(), TimedOut> {
    loop {}
}

#[sigalarm::time_limit("10s", crate = sigalarm_core)]
fn limited_by_the_other() -> Result<(), TimedOut> {
    loop {}
}

fn main() {
    let _ = (unwinds(&mut []), limited(), limited_by_the_other());
}
