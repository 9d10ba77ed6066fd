//! The system calls of arming, counted by strace.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::*;
use sigalarm::Alarm;

const MINUTE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 100_000;

fn nested_alarm_makes_none() {
    let _outer = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        drop(after(2 * MINUTE));
    }
    marker();
}

/// The outer deadline lies between two microseconds.
fn nested_alarm_under_an_odd_deadline_makes_none() {
    for nanos in [1, 500, 999] {
        let _outer = after(MINUTE + Duration::from_nanos(nanos));
        let _inner = Alarm::at(Instant::now() + MINUTE / 2).expect("arming");
        marker();
        for _ in 0..1_000 {
            drop(after(2 * MINUTE));
        }
        marker();
    }
}

fn restart_makes_none() {
    let alarm = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        alarm.restart();
    }
    marker();
}

fn check_makes_none() {
    let alarm = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        alarm.check().expect("a minute has not passed");
        sigalarm::checkpoint().expect("a minute has not passed");
    }
    marker();
}

fn check_that_errs_makes_none() {
    let limit = Duration::from_micros(500);
    let errs = (0..100).filter(|_| {
        let (began, alarm) = (Instant::now(), after(limit));
        while began.elapsed() < 4 * limit {}
        marker();
        let (first, second) = (alarm.check(), sigalarm::checkpoint());
        marker();
        // On a loaded machine the signal may be late.
        first.is_err() && second.is_err()
    });
    assert!(errs.count() > 0, "none has expired in time");
}

fn outermost_alarm_with_a_private_timer_makes_nine() {
    // A foreign value was seen in the interval timer, and the private timer exists.
    process::once(MINUTE);
    drop(after(MINUTE));
    process::disarm();
    outermost_alarm_makes_eight();
}

fn outermost_alarm_makes_eight() {
    drop(after(MINUTE)); // A thread's first alarm calls `gettid`.
    marker();
    for _ in 0..1_000 {
        drop(after(MINUTE));
    }
    marker();
}

fn handler_over_the_librarys_is_not_moved() {
    let alarm = after(MINUTE);
    process::set_action(process::counting(), nix::libc::SA_RESTART, &[]);
    process::once(2 * MINUTE);
    marker();
    drop(alarm);
    marker();
    assert_eq!(process::action().sa_sigaction, process::counting());
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call without arguments.
fn marker() {
    unsafe { nix::libc::getppid() };
}

fn calls(outcome: &Outcome) -> Result<Vec<String>, String> {
    if !outcome.status.success() {
        return Err("expected exit code 0".to_owned());
    }
    let parts: Vec<&str> = outcome.stderr.split("getppid()").collect();
    if parts.len() < 3 || parts.len() % 2 == 0 {
        return Err(format!("{} markers in strace's output", parts.len() - 1));
    }
    let within = parts.iter().skip(1).step_by(2).take(parts.len() / 2);
    let lines = within.flat_map(|part| part.lines().skip(1)).filter_map(|line| line.split_once('('));
    Ok(lines.map(|(name, _)| name.rsplit(' ').next().unwrap_or(name).to_owned()).collect())
}

fn none(outcome: &Outcome) -> Result<(), String> {
    let calls = calls(outcome)?;
    // The allocator may ask for memory once. `rt_sigreturn` follows a late signal.
    let others = ["brk", "mmap", "munmap", "rt_sigreturn"];
    let own: Vec<&String> = calls.iter().filter(|name| !others.contains(&name.as_str())).collect();
    if own.is_empty() { Ok(()) } else { Err(format!("{} system calls, the first {}", own.len(), own[0])) }
}

fn only_asks(outcome: &Outcome) -> Result<(), String> {
    calls(outcome)?;
    let asks = |line: &&str| line.contains("rt_sigaction(SIGALRM, NULL,");
    let part = outcome.stderr.split("getppid()").nth(1).unwrap_or_default();
    let actions: Vec<&str> = part.lines().filter(|line| line.contains("rt_sigaction")).collect();
    match actions.iter().find(|line| !asks(line)) {
        None if !actions.is_empty() => Ok(()),
        found => Err(format!("{found:?} of {}", actions.len())),
    }
}

/// `sigaction` reads and installs, reads and restores; the mask is read; the timer is set and disarmed.
fn each(outcome: &Outcome, timers: &[(&str, usize)]) -> Result<(), String> {
    let mut calls = calls(outcome)?;
    calls.retain(|name| !["brk", "mmap"].contains(&name.as_str()));
    let mut expected = vec![("rt_sigaction", 4), ("rt_sigprocmask", 1)];
    expected.extend(timers);
    for (name, times) in &expected {
        let count = calls.iter().filter(|call| call == name).count();
        if count != times * 1_000 {
            return Err(format!("{count} calls of {name}"));
        }
    }
    let all: usize = expected.iter().map(|(_, times)| times * 1_000).sum();
    if calls.len() == all { Ok(()) } else { Err(format!("{} calls, not {all}", calls.len())) }
}

/// One more call finds that the interval timer is free.
fn each_with_the_interval_timer(outcome: &Outcome) -> Result<(), String> {
    each(outcome, &[("getitimer", 1), ("setitimer", 2)])
}

/// A child of bare `clone` does not inherit the timer, so the process id is read.
fn each_with_a_private_timer(outcome: &Outcome) -> Result<(), String> {
    each(outcome, &[("getpid", 2), ("timer_settime", 2)])
}

fn strace(inner: &mut Command) -> Command {
    under("strace", &["-e", "signal=none", "--"])(inner)
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        nested_alarm_makes_none.launched(strace).judged(none),
        nested_alarm_under_an_odd_deadline_makes_none.launched(strace).judged(none),
        restart_makes_none.launched(strace).judged(none),
        check_makes_none.launched(strace).judged(none),
        check_that_errs_makes_none.launched(strace).judged(none),
        handler_over_the_librarys_is_not_moved.launched(strace).judged(only_asks),
        outermost_alarm_makes_eight.launched(strace).judged(each_with_the_interval_timer),
        outermost_alarm_with_a_private_timer_makes_nine.launched(strace).judged(each_with_a_private_timer),
    ]
}
