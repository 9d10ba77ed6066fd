//! Three ways to limit one function that calls `checkpoint()`: an alarm, a worker thread, and a job in a child process.
//!
//! ```text
//! cargo run --release --features process --example three_ways -- 100ms
//! ```

use std::io;
use std::time::{Duration, Instant};

use sigalarm::process::{self, Job, JobError};
use sigalarm::thread::{Worker, WorkerError};
use sigalarm::{TimedOut, checkpoint, try_within};

fn longest(end: u64) -> Result<u32, TimedOut> {
    let mut longest = 0;
    for start in 1..end {
        let (mut n, mut steps) = (start, 0);
        while n != 1 {
            checkpoint()?;
            n = if n % 2 == 0 { n / 2 } else { 3 * n + 1 };
            steps += 1;
        }
        longest = longest.max(steps);
    }
    Ok(longest)
}

/// The same search without a check.
fn longest_unchecked(end: u64) -> u32 {
    let steps = |start: u64| {
        std::iter::successors(Some(start), |&n| match n {
            1 => None,
            n if n % 2 == 0 => Some(n / 2),
            n => Some(3 * n + 1),
        })
    };
    (1..end).map(|start| steps(start).count() as u32 - 1).max().unwrap_or(0)
}

fn under_an_alarm(limit: Duration, end: u64) -> io::Result<u32> {
    try_within(limit, |_| longest(end))
}

fn on_a_worker(limit: Duration, end: u64) -> Result<Result<u32, TimedOut>, WorkerError> {
    let worker = Worker::builder().name("worker").spawn(move || longest(end)).expect("a thread");
    match worker.join_timeout(limit) {
        Err(WorkerError::TimedOut(_)) => {
            worker.stop(); // The worker stops at its next check.
            worker.join()
        }
        joined => joined,
    }
}

fn in_a_job(limit: Duration, end: u64) -> Result<Result<u32, TimedOut>, JobError> {
    process::run(limit, || longest(end))
}

/// A function that never checks can only be killed.
fn in_a_job_unchecked(limit: Duration, end: u64) -> Result<u32, JobError> {
    Job::builder().label("unchecked").limit(limit).grace(limit / 4).run(|| longest_unchecked(end))
}

fn show(way: &str, f: impl FnOnce() -> Result<u32, Box<dyn std::error::Error>>) {
    let began = Instant::now();
    let outcome = match f() {
        Ok(steps) => format!("{steps} steps"),
        Err(e) => e.to_string(),
    };
    println!("  {way:<16} {:>9.1} ms   {outcome}", began.elapsed().as_secs_f64() * 1e3);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limit = match std::env::args().nth(1) {
        Some(text) => {
            let limit = humantime::parse_duration(&text);
            limit.map_err(|e| format!("{text:?} is not a limit like 100ms: {e}"))?
        }
        None => Duration::from_millis(200),
    };
    for (what, end) in [("a short search", 10_000), ("a long one", u64::MAX)] {
        println!("{what}, {} at most:", humantime::format_duration(limit));
        show("alarm", || Ok(under_an_alarm(limit, end)?));
        show("worker", || Ok(on_a_worker(limit, end)??));
        show("job", || Ok(in_a_job(limit, end)??));
        show("job, unchecked", || Ok(in_a_job_unchecked(limit, end)?));
    }
    Ok(())
}
