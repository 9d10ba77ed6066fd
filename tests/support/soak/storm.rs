//! Alarms of a microsecond to a millisecond, while another process and other threads send SIGALRM at full speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::rng::Rng;
use super::stormer::Stormer;
use super::tally::Tally;
use super::trial::in_batches;
use crate::alarms::LATE;
use crate::process::{self, counted};
use nix::libc::{SA_RESTART, SIGALRM};
use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use sigalarm::Alarm;

/// Alarms per process, each beside a sending process and sometimes a sending thread.
const BATCH: u64 = 10_000;

pub fn campaign(first: u64, alarms: u64, workers: u64, tally: &'static Tally) -> Result<(), String> {
    in_batches("storm", first, alarms, BATCH, workers, tally, run)
}

fn run(seed: u64, alarms: u64, tally: &'static Tally) {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let before = process::state();
    let mut rng = Rng::new(seed);
    let storm = Stormer::begin(&tally.sent, [0, 20, 2_000][rng.below(3)]);
    let done = AtomicBool::new(false);
    let me = pthread_self();
    std::thread::scope(|s| {
        if seed % 2 == 0 {
            s.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    tally.sent.add(2);
                    process::kill_self(SIGALRM);
                    pthread_kill(me, Signal::SIGALRM).expect("it waits for this thread");
                    std::thread::sleep(Duration::from_micros(50));
                }
            });
        }
        let mut left = alarms;
        while left > 0 {
            left -= nest(&mut rng, left, tally);
        }
        done.store(true, Ordering::Relaxed);
    });
    drop(storm);
    // The last signals may still be pending. They go to the program's handler.
    assert_eq!(process::state(), before, "the process is not as it was");
    tally.handled.add(counted() as u64);
}

fn nest(rng: &mut Rng, most: u64, tally: &'static Tally) -> u64 {
    let depth = (1 + rng.below(12) as u64).min(most);
    // Logarithmic: each power of ten is equally likely.
    let limit = |rng: &mut Rng| {
        let scale = [1_000, 10_000, 100_000][rng.below(3)];
        Duration::from_nanos((scale + rng.below(scale * 9)) as u64)
    };
    let arm = |limit: Duration| {
        let before = Instant::now();
        let alarm = Alarm::after(limit).expect("arming");
        (alarm, limit, before, Instant::now())
    };
    let mut alarms: Vec<_> = (0..depth).map(|_| arm(limit(rng))).collect();
    while let Some((alarm, limit, before, after)) = alarms.pop() {
        loop {
            let asked = Instant::now();
            let Err(e) = alarm.check() else {
                assert!(asked < after + limit + LATE, "an alarm is lost");
                continue;
            };
            let now = Instant::now();
            let is_own = alarm.owns(&e);
            let (_, its_limit, its_before, _) = match alarms.iter().find(|(outer, ..)| outer.owns(&e)) {
                Some(outer) => outer,
                None => &(alarm, limit, before, after),
            };
            assert!(now >= *its_before + *its_limit, "early: {e:?}");
            assert!(e.limit() == Some(*its_limit) && e.elapsed() >= *its_limit, "early: {e:?}");
            if is_own {
                assert!(
                    !alarms.iter().any(|(_, limit, _, after)| *after + *limit <= asked),
                    "{e:?} hides an outer alarm"
                );
                tally.latest.at_least(asked.saturating_duration_since(after + limit).as_nanos() as u64);
            }
            tally.time_outs.add(1);
            break;
        }
    }
    tally.alarms.add(depth);
    tally.operations.add(depth * 3);
    depth
}
