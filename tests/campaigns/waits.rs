//! Random waits of several threads, inside each other and under alarms that all threads share. A wait that does not end makes
//! the process hang.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::engine::rng::Rng;
use crate::model::seed;
use crate::support::*;
use sigalarm::{Alarm, Ticker, checkpoint, paused, shielded, suspended};

const DEEPEST: usize = 2;

struct Waiter<'a> {
    rng: Rng,
    shared: &'a [Alarm],
}

impl Waiter<'_> {
    fn up_to(&mut self, micros: usize) -> Duration {
        Duration::from_micros(self.rng.below(micros) as u64)
    }

    fn operate(&mut self, alarm: &Alarm, depth: usize) {
        let other = &self.shared[self.rng.below(self.shared.len())];
        let (mut here, _there) = UnixStream::pair().expect("a pair");
        let inner = |waiter: &mut Self, alarm: &Alarm| {
            if depth < DEEPEST {
                waiter.operate(alarm, depth + 1);
            }
        };
        match self.rng.below(13) {
            0 => _ = alarm.sleep(self.up_to(3_000)),
            1 => _ = alarm.reader(&here).read(&mut [0]),
            2 => _ = alarm.blocking(|| here.read(&mut [0])),
            3 => {
                let mut nested = Some(());
                let _ = alarm.blocking(|| {
                    nested.take().into_iter().for_each(|()| inner(self, other));
                    here.read(&mut [0])
                });
            }
            4 => {
                let _entered = other.enter();
                inner(self, alarm);
            }
            5 => alarm.ring(),
            6 => other.ring(),
            7 => shielded(|| thread::sleep(self.up_to(300))),
            8 => paused(|| thread::sleep(self.up_to(300))),
            9 => suspended(|| thread::sleep(self.up_to(200))),
            10 => {
                let flag = Arc::new(AtomicBool::new(false));
                let flagged = arm(Alarm::builder().after(self.up_to(2_000)).flag(flag.clone()));
                inner(self, &flagged);
                flagged.ring();
                assert!(flag.load(Ordering::SeqCst));
            }
            11 => {
                let _ticker = Ticker::every(300 * US).expect("arming");
                let _ = alarm.sleep(700 * US);
            }
            _ => {
                let nested = after(self.up_to(2_500));
                inner(self, &nested);
            }
        }
    }
}

fn waits_end(threads: u64) {
    let until = Instant::now() + 2 * SECOND;
    let shared = [after(4 * MS), after(9 * MS), arm(Alarm::builder().after(6 * MS).check_limit(1 << 40))];
    let operations = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..threads {
            let mut waiter = Waiter { rng: Rng::new(seed() + thread), shared: &shared };
            let operations = &operations;
            scope.spawn(move || {
                while Instant::now() < until {
                    let limit = 500 * US + waiter.up_to(5_000);
                    waiter.operate(&after(limit), 0);
                    operations.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        // The shared alarms expire between two restarts.
        while Instant::now() < until {
            shared.iter().for_each(Alarm::restart);
            let _ = shared[0].sleep(MS);
            thread::sleep(12 * MS);
        }
    });
    drop(shared);
    assert!(checkpoint().is_ok() && operations.into_inner() > 0);
}

fn waits_of_one_thread_end() {
    waits_end(1);
}

fn waits_of_four_threads_end() {
    waits_end(4);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![waits_of_one_thread_end, waits_of_four_threads_end]
}
