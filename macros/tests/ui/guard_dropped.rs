//! A guard that is dropped at once: the message says what to write, since the compiler proposes `let _ = …`.

#![deny(unused_must_use)]

use std::time::Duration;

use sigalarm::{Alarm, ArmError, Ticker};

fn dropped() -> Result<(), ArmError> {
    Alarm::after(Duration::from_secs(1))?;
    Ticker::every(Duration::from_secs(1))?;
    let alarm = Alarm::never()?;
    alarm.enter();
    sigalarm::testing::never();
    Ok(())
}

fn main() {}
