//! A guard without a variable. The compiler proposes `let _ = …`, which drops it; the message corrects that.

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
