//! Limits on other people's code, one example for each hook. See README.md.
//!
//! This crate is a shared library that arms alarms, for programs in other languages (`tests/python.rs`).

// Exporting a name is unsafe, because it may collide.
#![allow(unsafe_code)]

use std::time::Duration;

use sigalarm::Alarm;

/// Computes until `milliseconds` have passed. Returns the microseconds that it took, or −1 if arming failed.
#[unsafe(no_mangle)]
pub extern "C" fn compute(milliseconds: u64) -> i64 {
    let Ok(alarm) = Alarm::after(Duration::from_millis(milliseconds)) else { return -1 };
    loop {
        if let Err(timed_out) = alarm.check() {
            return timed_out.elapsed().as_micros() as i64;
        }
    }
}
