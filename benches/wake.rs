//! The time from the deadline to the return of a blocked call, on the main thread and on a worker.
//!
//! ```text
//! cargo bench --bench wake
//! ```

use std::io::{ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use sigalarm::Alarm;
use sigalarm::thread::Worker;

const TRIES: usize = 300;

fn measure(name: &str, mut wait: impl FnMut(&Alarm)) {
    measure_limit(name, |limit| wait(&Alarm::after(limit).expect("arming")));
}

fn measure_limit(name: &str, mut wait: impl FnMut(Duration)) {
    let mut late: Vec<Duration> = (0..TRIES)
        .map(|n| {
            let limit = Duration::from_micros(1_000 + n as u64 % 1_000);
            let began = Instant::now();
            wait(limit);
            let took = began.elapsed();
            assert!(took >= limit, "early");
            took - limit
        })
        .collect();
    late.sort_unstable();
    let at = |share: f64| late[((TRIES - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!("  {name:<28} {:>9.1} {:>9.1} {:>9.1}", at(0.5), at(0.99), at(1.0));
}

fn all() {
    println!("  {:<28} {:>9} {:>9} {:>9}", "µs late", "p50", "p99", "max");
    measure("sleep", |alarm| drop(alarm.sleep(Duration::from_secs(60)).expect_err("a minute")));
    let (here, _there) = UnixStream::pair().expect("a pair");
    measure("reader", |alarm| {
        let e = alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes");
        assert_eq!(e.kind(), ErrorKind::TimedOut);
    });
    measure("blocking", |alarm| {
        let e = alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes");
        assert_eq!(e.kind(), ErrorKind::TimedOut);
    });
    let mut child = Command::new("sleep").arg("600").spawn().expect("a sleep");
    measure("wait", |alarm| drop(alarm.wait(&mut child).expect_err("ten minutes")));
    child.kill().and_then(|()| child.wait()).expect("a child of ours");
}

fn joins() {
    #[cfg(feature = "process")]
    {
        let job = sigalarm::process::Job::spawn(|| -> () {
            loop {
                std::thread::park();
            }
        });
        let job = job.expect("spawning");
        measure_limit("Job::join_timeout", |limit| assert!(job.join_timeout(limit).is_err()));
    }
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let worker = Worker::spawn(move || ended.recv().is_ok()).expect("spawning");
    measure_limit("Worker::join_timeout", |limit| assert!(worker.join_timeout(limit).is_err()));
    drop(end);
    drop(worker.join());
}

fn main() {
    println!("\nthe main thread waits, {TRIES} tries each");
    all();
    joins();
    println!("\na worker waits");
    std::thread::spawn(all).join().expect("no panic");
}
