//! Consecutive forks beside the parent's alarms. Each child arms its own.

use std::time::{Duration, Instant};

use super::rng::Rng;
use super::tally::Tally;
use super::trial::in_batches;
use crate::alarms::{after, expiry};
use crate::process::{self, counted};
use nix::libc::SA_RESTART;
use sigalarm::{Alarm, checkpoint};

/// Forks per process.
const BATCH: u64 = 2_000;

pub fn campaign(first: u64, forks: u64, workers: u64, tally: &'static Tally) -> Result<(), String> {
    in_batches("forks", first, forks, BATCH, workers, tally, run)
}

fn run(seed: u64, forks: u64, tally: &'static Tally) {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let before = process::state();
    let mut rng = Rng::new(seed);
    let outer = after(Duration::from_secs(3_600));
    let mut short = Duration::from_micros(300);
    let mut armed = Instant::now();
    let inner = after(short);
    for _ in 0..forks {
        let limit = Duration::from_nanos(rng.below(60_000) as u64);
        let status = process::in_child(|| child(limit, [&outer, &inner], tally));
        assert_eq!(status, 0, "a child failed: {}", tally.complaint());
        tally.forks.add(1);
        tally.alarms.add(1);
        assert!(outer.check().is_ok());
        match inner.check() {
            Ok(()) => {}
            Err(e) => {
                assert!(inner.owns(&e) && armed.elapsed() >= short && e.elapsed() >= short, "early: {e:?}");
                tally.time_outs.add(1);
                armed = Instant::now();
                inner.restart();
                let more = Duration::from_nanos(rng.below(200_000) as u64);
                inner.extend(more);
                short += more;
            }
        }
    }
    expiry(&inner);
    drop((inner, outer));
    assert_eq!(process::state(), before, "the process is not as it was");
    assert_eq!(counted(), 0, "a ring went to the program");
}

fn child(limit: Duration, inherited: [&Alarm; 2], tally: &'static Tally) {
    let clean = process::state();
    assert_eq!(clean.timer, (Duration::ZERO, Duration::ZERO), "a child has a timer");
    assert_eq!(clean.handler, process::counting(), "a child has a handler of its parent's guard");
    assert!(checkpoint().is_ok() && inherited.iter().all(|alarm| alarm.check().is_ok()), "not inert");
    lives(limit);
    tally.time_outs.add(1);
    assert_eq!(process::state(), clean, "a child is not as it was");
}

/// Asserts that an alarm of a child expires, and not early.
pub fn lives(limit: Duration) {
    let alarm = after(limit);
    let e = expiry(&alarm);
    assert!(alarm.owns(&e) && e.elapsed() >= limit, "a child's alarm: {e:?}");
}
