//! What jobs and workers cost, beside the bare calls that they cannot do without, and beside Python's.
//!
//! ```text
//! cargo bench --all-features --bench jobs
//! ```
//!
//! With `python3` on the path its `multiprocessing` is measured as well, and Pebble where that is installed.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare calls, with pointers to locals.

mod paired;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::libc;
use paired::Group;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sigalarm::process::{self, Job};
use sigalarm::thread::Worker;

/// A child that writes one byte to a pipe; the parent polls, reads and reaps.
fn bare() {
    unsafe {
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        match libc::fork() {
            -1 => panic!("fork"),
            0 => {
                libc::close(pipe[0]);
                libc::write(pipe[1], [7_u8].as_ptr().cast(), 1);
                libc::_exit(0)
            }
            child => {
                libc::close(pipe[1]);
                let mut fds = libc::pollfd { fd: pipe[0], events: libc::POLLIN, revents: 0 };
                assert_eq!(libc::poll(&mut fds, 1, -1), 1);
                let mut byte = [0_u8];
                assert_eq!(libc::read(pipe[0], byte.as_mut_ptr().cast(), 1), 1);
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                libc::close(pipe[0]);
                black_box((byte, status));
            }
        }
    }
}

fn spawn_and_join() {
    let job = Job::spawn(|| 7_u8).expect("spawning");
    assert_eq!(job.join().expect("a value"), 7);
}

fn run_under_a_limit() {
    assert_eq!(process::run(Duration::from_secs(60), || 7_u8).expect("a value"), 7);
}

/// How late a join returns whose time runs out.
fn lateness(what: &str, mut join: impl FnMut(Duration)) {
    const LIMIT: Duration = Duration::from_millis(2);
    let mut late: Vec<Duration> = (0..500)
        .map(|_| {
            let began = Instant::now();
            join(LIMIT);
            began.elapsed().checked_sub(LIMIT).expect("never early")
        })
        .collect();
    late.sort_unstable();
    let micros = |at: usize| late[at].as_secs_f64() * 1e6;
    println!(
        "  {what:<34} median {:>7.1} µs   99 % {:>7.1} µs   most {:>7.1} µs",
        micros(250),
        micros(495),
        micros(499)
    );
}

const LARGE: usize = 100_000_000;

/// A hundred megabytes through a bare pipe of a megabyte, read into fresh memory.
fn bare_bytes(text: &str) -> usize {
    use std::io::{Read, Write};
    use std::os::fd::FromRawFd;

    unsafe {
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        libc::fcntl(pipe[1], libc::F_SETPIPE_SZ, 1 << 20);
        match libc::fork() {
            -1 => panic!("fork"),
            0 => {
                let written = std::fs::File::from_raw_fd(pipe[1]).write_all(text.as_bytes());
                libc::_exit(i32::from(written.is_err()))
            }
            child => {
                libc::close(pipe[1]);
                let mut bytes = Vec::new();
                std::fs::File::from_raw_fd(pipe[0]).read_to_end(&mut bytes).expect("reading");
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                black_box(&bytes).len()
            }
        }
    }
}

/// How quickly a large value comes back. It is there before the spawn, and moved in: what is measured is the fork, the
/// way and the decoding.
fn throughput() {
    const ROUNDS: usize = 25;
    const NAMES: [&str; 4] =
        ["bare fork + pipe + read_to_end", "String", "Vec<u8>", "Vec<u64>, ten bytes each on the way"];
    let mut rates = [const { Vec::new() }; NAMES.len()];
    let mut measure = |variant: usize, f: &mut dyn FnMut()| {
        let began = Instant::now();
        f();
        rates[variant].push(LARGE as f64 / began.elapsed().as_secs_f64());
    };
    for _ in 0..ROUNDS {
        let text = "x".repeat(LARGE);
        measure(0, &mut || assert_eq!(bare_bytes(&text), LARGE));
        come_back(text, &mut |f| measure(1, f));
        come_back(vec![7_u8; LARGE], &mut |f| measure(2, f));
        come_back(vec![7_u64 << 56; LARGE / 10], &mut |f| measure(3, f));
    }
    println!("\na value of 100 MB");
    for (name, mut rates) in NAMES.into_iter().zip(rates) {
        rates.sort_unstable_by(f64::total_cmp);
        println!("  {name:<34} {:>12.0} MB/s", rates[ROUNDS / 2] / 1e6);
    }
}

fn come_back<T: Serialize + DeserializeOwned>(value: T, measure: &mut dyn FnMut(&mut dyn FnMut())) {
    let (mut value, mut back) = (Some(value), None);
    measure(&mut || {
        let value = value.take().expect("one turn");
        back = Some(process::run(Duration::MAX, || value).expect("a value"));
    });
    black_box(back);
}

fn python() {
    println!("\nPython: start + join of an empty function, result over a pipe");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/jobs.py");
    if !Command::new("python3").arg(script).status().is_ok_and(|status| status.success()) {
        println!("  skipped: no python3 on this machine");
    }
}

fn main() {
    // `cargo bench … -- worker` measures what has "worker" in its name.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|want| name.contains(want.as_str()));
    let all: [(&str, fn()); 5] = [
        ("empty job", empty_job),
        ("throughput", throughput),
        ("lateness", late_joins),
        ("empty worker", empty_worker),
        ("python", python),
    ];
    all.into_iter().filter(|(name, _)| is_wanted(name)).for_each(|(_, measure)| measure());
}

fn empty_job() {
    Group::new("an empty job")
        .variant("bare fork + pipe + poll + waitpid", bare)
        .variant("Job::spawn + join", spawn_and_join)
        .variant("process::run, under a limit", run_under_a_limit)
        .run();
}

fn late_joins() {
    println!("\na join_timeout of 2 ms that runs out: how late it returns");
    let job = Job::spawn(|| -> () {
        loop {
            unsafe { libc::pause() };
        }
    });
    let job = job.expect("spawning");
    lateness("Job::join_timeout", |limit| assert!(job.join_timeout(limit).is_err()));
    drop(job);
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let worker = Worker::spawn(move || ended.recv().is_ok()).expect("spawning");
    lateness("Worker::join_timeout", |limit| assert!(worker.join_timeout(limit).is_err()));
    drop(end);
    drop(worker.join());
}

fn empty_worker() {
    Group::new("an empty worker")
        .variant("std::thread::spawn + join", || std::thread::spawn(|| ()).join().expect("a value"))
        .variant("Worker::spawn + join", || {
            Worker::spawn(|| ()).expect("spawning").join().expect("a value");
        })
        .run();
}
