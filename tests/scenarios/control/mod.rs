//! Handles, flags, shields, pauses, and the line of a watchdog.

mod flags;
mod handles;
mod pauses;
mod shields;
mod watchdog_lines;

use std::time::{Duration, Instant};

use sigalarm::{Alarm, AlarmBuilder, TimedOut};

use crate::support::{self, Scenario};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

const LATE: Duration = Duration::from_secs(30);

#[track_caller]
fn arm(builder: AlarmBuilder) -> Alarm {
    builder.arm().expect("arming")
}

#[track_caller]
fn after(limit: Duration) -> Alarm {
    arm(Alarm::builder().after(limit))
}

fn until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LATE, "never came: {what}");
    }
}

fn expiry(mut check: impl FnMut() -> Result<(), TimedOut>) -> TimedOut {
    let began = Instant::now();
    loop {
        if let Err(timed_out) = check() {
            return timed_out;
        }
        assert!(began.elapsed() < LATE, "never expired");
    }
}

fn in_child(f: impl FnOnce()) {
    assert_eq!(support::process::in_child(f), 0, "the child's status");
}

pub fn scenarios() -> Vec<Scenario> {
    let modules: [fn() -> Vec<Scenario>; 5] = [
        handles::scenarios,
        flags::scenarios,
        shields::scenarios,
        pauses::scenarios,
        watchdog_lines::scenarios,
    ];
    modules.iter().flat_map(|scenarios| scenarios()).collect()
}
