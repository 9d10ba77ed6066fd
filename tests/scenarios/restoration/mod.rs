//! After the last drop the process is as if the library had never run.

pub mod dispositions;
pub mod timers;
pub mod unwinding;

use std::time::Duration;

use crate::support::*;

fn lives() {
    for n in 0..300_u32 {
        let alarm = after(Duration::from_micros(u64::from(n)));
        if n % 3 == 0 {
            expiry(&alarm);
        }
        let inner = after(Duration::from_micros(u64::from(n % 50)));
        if n % 7 == 0 {
            drop(alarm);
            expiry(&inner);
        }
        let _long = after(SECOND);
    }
}
