//! Neighbours in the process: another copy of the library, clocks, timers, handlers, threads.

// Bare calls, as the rest of a program makes them.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

macro_rules! scenarios {
    ($module:ident: $($name:ident)*) => {
        vec![$(crate::support::scenario(concat!(stringify!($module), "::", stringify!($name)), $name)),*]
    };
}

mod clocks;
mod copies;
mod foreign_timers;
mod handlers;
mod processes;
mod shared_checks;
mod threads;

use std::time::{Duration, Instant};

use crate::support::{Scenario, process};
use nix::libc::{self, c_int};
use sigalarm::{Alarm, TimedOut};

pub(crate) const US: Duration = Duration::from_micros(1);
pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const LATE: Duration = Duration::from_secs(20);

pub(crate) fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Checks until the alarm has expired, which must not be early.
pub(crate) fn expires(alarm: &Alarm, limit: Duration) -> TimedOut {
    let began = Instant::now();
    let timed_out = loop {
        match alarm.check() {
            Err(timed_out) => break timed_out,
            Ok(()) => assert!(began.elapsed() < limit + LATE, "the limit of {limit:?} is never seen"),
        }
    };
    assert!(timed_out.elapsed() >= limit, "early: {timed_out}");
    timed_out
}

pub(crate) fn spin_until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LATE, "still not: {what}");
        std::hint::spin_loop();
    }
}

pub(crate) fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
}

pub(crate) fn once(delay: Duration) {
    process::set_timer(delay, Duration::ZERO);
}

pub(crate) fn handler(function: extern "C" fn(c_int)) -> usize {
    function as usize
}

pub(crate) fn handler_info(function: extern "C" fn(c_int, *mut libc::siginfo_t, *mut libc::c_void)) -> usize {
    function as usize
}

pub(crate) fn skipped(why: &str) -> std::process::Command {
    println!("skipped: {why}");
    let mut command = std::process::Command::new("true");
    command.arg(why);
    command
}

pub fn scenarios() -> Vec<Scenario> {
    let modules: [fn() -> Vec<Scenario>; 7] = [
        copies::scenarios,
        shared_checks::scenarios,
        clocks::scenarios,
        foreign_timers::scenarios,
        handlers::scenarios,
        threads::scenarios,
        processes::scenarios,
    ];
    modules.into_iter().flat_map(|scenarios| scenarios()).collect()
}
