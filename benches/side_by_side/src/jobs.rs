//! The cost of jobs and workers, beside bare system calls, other crates and Python.

use std::io::{self, Write};
use std::time::Duration;

use sigalarm::process::{self, Job};
use sigalarm::thread::Worker;

use crate::bare;
use crate::counts;
use crate::figures::{Curve, Group};
use crate::paired::{Ways, median, take_turns};
use crate::plan::Plan;
use crate::python;

const MINUTE: Duration = Duration::from_secs(60);
const TURN: Duration = Duration::from_millis(2);

pub fn jobs(plan: &Plan) -> Vec<Group> {
    let mut jobs = Ways::new("bare `fork` + `pipe` + `poll` + `waitpid`", bare::fork_and_byte)
        .and("bare `fork` + `waitpid`, nothing comes back", bare::fork_and_wait)
        .and("the calls that a job needs, bare", || bare::fork_as_a_job(false))
        .and("the same under a limit, bare", || bare::fork_as_a_job(true))
        .and("`Job::spawn` + `join`", || {
            assert_eq!(Job::spawn(|| 7_u8).expect("spawning").join().expect("a value"), 7);
        })
        .and("`process::run`, under a limit", || {
            assert_eq!(process::run(MINUTE, || 7_u8).expect("a value"), 7);
        })
        .and("mem-isolate", || {
            assert_eq!(mem_isolate::execute_in_isolated_process(|| 7_u8).expect("a value"), 7);
        })
        .and("mem-isolate, its function flushes stdout", isolated_with_flush)
        .measure("an empty job: started, joined, its value had", plan.rounds(300), TURN);
    // Measured separately, because it leaves the caches cold.
    let slow = Ways::new("bare", bare::fork_and_byte)
        .and("procspawn (executes the program again)", || {
            assert_eq!(procspawn::spawn((), |()| 7_u8).join().expect("a value"), 7);
        })
        .measure("the same by a new program", plan.rounds(60), TURN);
    jobs.ways.extend(slow.ways.into_iter().skip(1));
    python::add(&mut jobs, "jobs", plan);
    counts::print(&mut [
        ("bare `fork` + `pipe` + `poll` + `waitpid`", &mut bare::fork_and_byte),
        ("the calls that a job needs, bare", &mut || bare::fork_as_a_job(false)),
        ("the same under a limit, bare", &mut || bare::fork_as_a_job(true)),
        ("`Job::spawn` + `join`", &mut || {
            Job::spawn(|| 7_u8).expect("spawning").join().expect("a value");
        }),
        ("`process::run`, under a limit", &mut || {
            process::run(MINUTE, || 7_u8).expect("a value");
        }),
        ("mem-isolate", &mut || {
            mem_isolate::execute_in_isolated_process(|| 7_u8).expect("a value");
        }),
        ("mem-isolate, its function flushes stdout", &mut isolated_with_flush),
    ]);
    vec![jobs]
}

/// A job flushes standard output in the child. mem-isolate leaves that to its caller.
fn isolated_with_flush() {
    let flushed = mem_isolate::execute_in_isolated_process(|| {
        let _ = io::stdout().flush();
        7_u8
    });
    assert_eq!(flushed.expect("a value"), 7);
}

pub fn workers(plan: &Plan) -> Vec<Group> {
    let workers = Ways::new("`std::thread::spawn` + `join`", || {
        assert_eq!(std::thread::spawn(|| 7_u8).join().expect("a value"), 7);
    })
    .and("`Worker::spawn` + `join`", || {
        assert_eq!(Worker::spawn(|| 7_u8).expect("spawning").join().expect("a value"), 7);
    })
    .measure("an empty worker: started and joined", plan.rounds(400), TURN);
    vec![workers]
}

/// Sizes of a value in bytes, and how often each is sent.
const SIZES: [(usize, usize); 6] =
    [(1_000, 100), (10_000, 100), (100_000, 60), (1_000_000, 40), (10_000_000, 15), (100_000_000, 5)];

pub fn transfer(plan: &Plan) -> Vec<Curve> {
    let names = [
        "bare `fork` + `pipe` + `read_to_end`",
        "`process::run`, a `String`",
        "`process::run`, a `Vec<u8>`, element by element",
        "mem-isolate, a `String`",
        "procspawn, a `String`",
    ];
    let mut curves = names.map(|name| Curve { name: name.to_owned(), points: Vec::new() });
    let sizes = &SIZES[..if plan.quick { 5 } else { 6 }];
    for &(size, rounds) in sizes {
        eprintln!("  a value of {size} bytes");
        let mut ways: [&mut dyn FnMut(); 5] = [
            &mut || assert_eq!(bare::fork_and_bytes(size), size),
            &mut || {
                let text = process::run(Duration::MAX, || "x".repeat(size)).expect("a value");
                assert_eq!(text.len(), size);
            },
            &mut || {
                let bytes = process::run(Duration::MAX, || vec![7_u8; size]).expect("a value");
                assert_eq!(bytes.len(), size);
            },
            &mut || {
                let text = mem_isolate::execute_in_isolated_process(|| "x".repeat(size)).expect("a value");
                assert_eq!(text.len(), size);
            },
            &mut || {
                let text = procspawn::spawn(size, |size| "x".repeat(size)).join().expect("a value");
                assert_eq!(text.len(), size);
            },
        ];
        let times = take_turns(&mut ways, plan.rounds(rounds).min(rounds), Duration::ZERO);
        for (curve, times) in curves.iter_mut().zip(times) {
            curve.points.push((size as f64, median(times) * 1e9));
        }
    }
    let mut curves = Vec::from(curves);
    curves.extend(python::transfer(&sizes.iter().map(|(size, _)| *size).collect::<Vec<_>>(), plan));
    curves
}
