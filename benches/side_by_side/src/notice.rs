//! The time from the deadline to the failing check, in a loop without a pause.
//!
//! Each way makes several tries in a turn. The first is not measured, because it finds the caches cold.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cancel_this::{Cancelled, is_cancelled};
use sigalarm::Alarm;

use crate::bare;
use crate::figures::{Lateness, PICTURED};
use crate::plan::Plan;
use crate::python;

const LIMITS: [(u64, usize); 3] = [(100, 4_000), (1_000, 2_000), (10_000, 500)];

const TURN: usize = 20;

/// Stops measuring on a busy machine.
const MOST: Duration = Duration::from_secs(30);

type Wait = fn(Duration) -> Duration;

const WAYS: [(&str, Wait); 4] = [
    ("bare `setitimer`", bare::notice),
    ("sigalarm", alarm),
    ("a sleeping thread", sleeping_thread),
    ("cancel-this", on_timeout),
];

pub fn measure(plan: &Plan) -> Vec<Lateness> {
    let mut all = Vec::new();
    for busy in [false, true] {
        let _hogs = busy.then(Hogs::start);
        for (limit_us, tries) in LIMITS {
            eprintln!("  a limit of {limit_us} µs, {}", if busy { "busy" } else { "idle" });
            all.extend(in_turn(limit_us, busy, plan.rounds(tries)));
            all.extend(python::lateness(limit_us, busy, plan.rounds(tries)));
        }
    }
    all
}

fn in_turn(limit_us: u64, busy: bool, tries: usize) -> Vec<Lateness> {
    let limit = Duration::from_micros(limit_us);
    let mut late = vec![Vec::with_capacity(tries); WAYS.len()];
    let end = Instant::now() + MOST;
    for round in 0..tries.div_ceil(TURN) {
        if Instant::now() > end {
            break;
        }
        for at in 0..WAYS.len() {
            let index = (round + at) % WAYS.len();
            let wait = || (WAYS[index].1)(limit);
            wait();
            let lateness = |_| (wait().as_secs_f64() - limit.as_secs_f64()) * 1e6;
            late[index].extend((0..TURN).map(lateness));
        }
    }
    let named = WAYS.iter().zip(late);
    named.map(|((name, _), late)| summary(name, limit_us, busy, late)).collect()
}

pub fn summary(name: &str, limit_us: u64, busy: bool, mut late: Vec<f64>) -> Lateness {
    late.sort_by(f64::total_cmp);
    let at = |share: f64| late[((late.len() - 1) as f64 * share).round() as usize];
    if name == "sigalarm" {
        assert!(at(0.0) >= 0.0, "early");
    }
    Lateness {
        name: name.to_owned(),
        limit_us,
        busy,
        tries: late.len(),
        p50: at(0.5),
        p99: at(0.99),
        max: at(1.0),
        quantiles: (0..=100).filter(|_| limit_us == PICTURED).map(|n| at(f64::from(n) / 100.0)).collect(),
    }
}

fn alarm(limit: Duration) -> Duration {
    let began = Instant::now();
    let alarm = Alarm::after(limit).expect("arming");
    while alarm.check().is_ok() {}
    began.elapsed()
}

fn sleeping_thread(limit: Duration) -> Duration {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let began = Instant::now();
    let thread = thread::spawn(move || {
        thread::sleep(limit);
        set.store(true, Ordering::Relaxed);
    });
    #[allow(clippy::missing_spin_loop)] // A hint would pause; a check does not.
    while !flag.load(Ordering::Relaxed) {}
    let took = began.elapsed();
    thread.join().expect("it only sleeps");
    took
}

fn on_timeout(limit: Duration) -> Duration {
    let began = Instant::now();
    let took: Result<Duration, Cancelled> = cancel_this::on_timeout(limit, || {
        while is_cancelled!().is_ok() {}
        Ok(began.elapsed())
    });
    took.expect("what is returned is returned")
}

struct Hogs(Vec<Child>);

impl Hogs {
    fn start() -> Hogs {
        let exe = std::env::current_exe().expect("a path");
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let hog = || Command::new(&exe).arg("hog").stdout(Stdio::null()).spawn().expect("a hog");
        Hogs((0..cores).map(|_| hog()).collect())
    }
}

impl Drop for Hogs {
    fn drop(&mut self) {
        for hog in &mut self.0 {
            hog.kill().and_then(|()| hog.wait()).expect("a child of ours");
        }
    }
}

pub fn hog() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        let end = Instant::now() + Duration::from_millis(50);
        while Instant::now() < end {}
    }
}
