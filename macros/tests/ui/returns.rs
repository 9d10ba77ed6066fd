//! Return types that cannot hold a `TimedOut`.

use std::fmt;
use std::num::ParseIntError;

use sigalarm::{cooperative, time_limit};

#[cooperative]
fn nothing() {}

#[cooperative]
fn number() -> u64 {
    0
}

#[cooperative]
fn option() -> Option<Vec<u8>> {
    None
}

#[cooperative]
fn opaque() -> impl Iterator<Item = u8> {
    [0].into_iter()
}

#[cooperative]
fn tuple(&x: &u8) -> (u8, Result<u8, u8>) {
    (x, Ok(0))
}

#[cooperative]
fn text() -> Result<(), String> {
    Ok(())
}

#[cooperative]
fn unit() -> Result<u8, ()> {
    Ok(0)
}

#[cooperative]
fn foreign() -> std::result::Result<u8, ParseIntError> {
    Ok(0)
}

#[cooperative]
fn format() -> fmt::Result {
    Ok(())
}

#[time_limit("1s")]
fn limited_nothing() {}

#[time_limit("1s")]
fn limited_option() -> Option<u8> {
    None
}

#[time_limit("1s")]
fn limited_text() -> Result<u8, &'static str> {
    Ok(0)
}

#[time_limit("1s")]
#[cooperative]
fn limited_first() -> u64 {
    0
}

#[cooperative]
#[time_limit("1s")]
fn cooperative_first() -> u64 {
    0
}

fn main() {
    let _ = (limited_first(), cooperative_first());
    nothing();
    let _ = (number(), option(), opaque(), tuple(&0), text(), unit(), foreign(), format());
    let _ = (limited_nothing(), limited_option(), limited_text());
}
