//! Limits on other people's code, through the hooks that it offers: one example each, with a test that the limit
//! ends it. See README.md.
//!
//! The library itself is a shared one that arms alarms, for programs in other languages to load (`tests/python.rs`).

// An exported name is unsafe to choose: the linker asks nobody.
#![allow(unsafe_code)]

use std::time::Duration;

use sigalarm::Alarm;

/// Computes for a limit of so many milliseconds, and says after how many microseconds it was ended; −1 if the alarm
/// could not be armed.
#[unsafe(no_mangle)]
pub extern "C" fn compute(milliseconds: u64) -> i64 {
    let Ok(alarm) = Alarm::after(Duration::from_millis(milliseconds)) else { return -1 };
    loop {
        if let Err(timed_out) = alarm.check() {
            return timed_out.elapsed().as_micros() as i64;
        }
    }
}
