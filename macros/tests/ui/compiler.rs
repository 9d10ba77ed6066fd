//! What the macros cannot see and the compiler says.

use sigalarm::{TimedOut, cooperative, time_limit};

struct Failure;

#[cooperative]
fn no_conversion() -> Result<(), Failure> {
    Ok(())
}

type Found = Option<u8>;

#[cooperative]
fn alias() -> Found {
    None
}

#[cooperative(alarm = limit)]
fn no_check(limit: u64) -> Result<u64, TimedOut> {
    Ok(limit)
}

#[cooperative(alarm = missing)]
fn no_variable() -> Result<(), TimedOut> {
    Ok(())
}

#[time_limit("1s", try_arm)]
fn no_fault() -> Result<(), TimedOut> {
    Ok(())
}

fn main() {}
