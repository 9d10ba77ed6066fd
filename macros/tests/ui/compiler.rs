//! Errors that only the compiler finds, and reports once.

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

#[time_limit("1s")]
fn limited_without_conversion() -> Result<(), Failure> {
    Ok(())
}

#[time_limit("1s")]
fn limited_alias() -> Found {
    None
}

#[time_limit(10 * 60)]
fn not_a_duration() -> Result<(), TimedOut> {
    Ok(())
}

#[cooperative(every = 4)]
fn not_an_iterator(n: u32) -> Result<(), TimedOut> {
    for _ in n {}
    Ok(())
}

fn main() {}
