//! Jobs and threads: one handle shared by several threads, and spawning beside other threads.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::children::{has_children, leaving_nothing, pause};
use crate::support::{Scenario, scenario};
use nix::libc;
use sigalarm::process::{self, Job, JobError, SpawnError};

fn join_by_many_threads_returns_the_same() {
    leaving_nothing(|| {
        let (go, wait) = UnixStream::pair().unwrap();
        let job = Job::spawn(|| {
            (&wait).read_exact(&mut [0]).unwrap();
            "x".repeat(1_000_000)
        });
        let job = job.unwrap();
        thread::scope(|s| {
            let joins: Vec<_> = (0..8).map(|_| s.spawn(|| job.join().unwrap().len())).collect();
            assert!(job.is_alive());
            (&go).write_all(b"!").unwrap();
            for join in joins {
                assert_eq!(join.join().unwrap(), 1_000_000);
            }
        });
    });
}

fn join_ends_when_another_thread_kills() {
    leaving_nothing(|| {
        let job = Job::spawn(|| -> () { pause() }).unwrap();
        thread::scope(|s| {
            let joins: Vec<_> = (0..4).map(|_| s.spawn(|| job.join().unwrap_err().to_string())).collect();
            thread::sleep(Duration::from_millis(20));
            job.terminate().unwrap();
            for join in joins {
                assert_eq!(join.join().unwrap(), "was killed by SIGTERM");
            }
        });
    });
}

fn spawn_is_refused_beside_threads() {
    let (end, ended) = mpsc::channel::<()>();
    let other = thread::spawn(move || ended.recv());
    let refused = Job::spawn(|| ()).unwrap_err();
    assert!(matches!(refused, SpawnError::MultiThreaded { threads: 2 }), "{refused}");
    assert!(refused.to_string().contains("2 threads"), "{refused}");
    assert!(matches!(
        process::run(Duration::MAX, || ()),
        Err(JobError::Spawn(SpawnError::MultiThreaded { threads: 2 }))
    ));
    assert!(!has_children());
    drop(end);
    let _ = other.join();
    // A joined thread no longer counts, even while the kernel still removes it.
    for _ in 0..200 {
        thread::spawn(|| ()).join().unwrap();
        process::run(Duration::MAX, || ()).unwrap();
    }
}

#[allow(unsafe_code)]
#[cfg(target_os = "linux")]
fn job_dies_with_a_thread_that_ends_at_once() {
    leaving_nothing(|| {
        for _ in 0..50 {
            // SAFETY: the other thread only waits.
            let spawn = || unsafe { Job::builder().spawn_unchecked(|| -> () { pause() }) };
            let job = thread::scope(|s| s.spawn(spawn).join().unwrap()).unwrap();
            // Without a signal of the kernel it would never end.
            assert!(matches!(job.join(), Err(JobError::Exited { code: 1, .. } | JobError::Killed { .. })));
        }
    });
}

/// The threads hold the locks of the standard streams, the alarms and the jobs. The child finds them free.
#[allow(unsafe_code)]
fn spawn_unchecked_works_beside_threads() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let stopped = || stop.load(std::sync::atomic::Ordering::Relaxed);
    thread::scope(|s| {
        s.spawn(|| {
            while !stopped() {
                println!("busy");
                eprintln!("busy");
            }
        });
        s.spawn(|| {
            while !stopped() {
                let alarm = sigalarm::Alarm::after(Duration::from_secs(100)).unwrap();
                alarm.restart();
            }
        });
        for n in 0..300_u32 {
            let answer = || {
                println!("child");
                eprintln!("child");
                let alarm = sigalarm::Alarm::after(Duration::ZERO).unwrap();
                assert!(alarm.check().is_err());
                vec![n]
            };
            let builder = Job::builder().limit(Duration::from_secs(60));
            // SAFETY: the other threads use the standard streams, the alarms, and the C allocator, which is
            // fork-safe.
            let job = unsafe { builder.spawn_unchecked(answer) }.unwrap();
            assert_eq!(job.join().unwrap(), [n]);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(!has_children());
}

fn handle_works_on_another_thread() {
    leaving_nothing(|| {
        let (alive, over) = (Job::spawn(|| -> () { pause() }).unwrap(), Job::spawn(|| 3).unwrap());
        thread::spawn(move || {
            assert_eq!(over.join().unwrap(), 3);
            drop(alive);
        })
        .join()
        .unwrap();
    });
}

/// Panics of the child's threads are reported on stderr.
fn threads_in_the_child_are_allowed() {
    let answer = process::run(Duration::MAX, || {
        let threads: Vec<_> = (0..4).map(|n| thread::spawn(move || n)).collect();
        let sum: i32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
        let named = thread::Builder::new().name("inner".into());
        assert!(named.spawn(|| panic!("of its own")).unwrap().join().is_err());
        sum
    });
    assert_eq!(answer.unwrap(), 6);
    // Threads that still run end with the process.
    process::run(Duration::MAX, || drop(thread::spawn(|| pause()))).unwrap();
    assert!(matches!(
        process::run(Duration::MAX, || -> () {
            thread::spawn(|| std::process::abort());
            pause()
        }),
        Err(JobError::Killed { signal: libc::SIGABRT, .. })
    ));
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("join_by_many_threads_returns_the_same", join_by_many_threads_returns_the_same),
        scenario("join_ends_when_another_thread_kills", join_ends_when_another_thread_kills),
        scenario("spawn_is_refused_beside_threads", spawn_is_refused_beside_threads),
        #[cfg(target_os = "linux")]
        scenario("job_dies_with_a_thread_that_ends_at_once", job_dies_with_a_thread_that_ends_at_once),
        scenario("spawn_unchecked_works_beside_threads", spawn_unchecked_works_beside_threads),
        scenario("handle_works_on_another_thread", handle_works_on_another_thread),
        scenario("threads_in_the_child_are_allowed", threads_in_the_child_are_allowed).judged(|outcome| {
            let report = "thread 'inner' panicked at tests/jobs/threads.rs:";
            if outcome.status.success() && outcome.stderr.starts_with(report) {
                Ok(())
            } else {
                Err(format!("expected {report:?} on stderr"))
            }
        }),
    ]
}
