//! The system calls of arming, counted by strace.

use std::time::{Duration, Instant};

use crate::support;
use crate::support::process;
use crate::support::{Outcome, Scenario, rebuilt, scenario};
use sigalarm::Alarm;

const MINUTE: Duration = Duration::from_secs(60);
const ROUNDS: usize = 100_000;

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

fn nested() {
    let _outer = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        drop(after(2 * MINUTE));
    }
    marker();
}

/// The outer deadline lies between two microseconds.
fn nested_oddly() {
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

fn restarted() {
    let alarm = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        alarm.restart();
    }
    marker();
}

fn checked() {
    let alarm = after(MINUTE);
    marker();
    for _ in 0..ROUNDS {
        alarm.check().expect("a minute has not passed");
        sigalarm::checkpoint().expect("a minute has not passed");
    }
    marker();
}

fn expired() {
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

fn outermost_with_a_private_timer() {
    // A foreign value was seen in the interval timer, and the private timer exists.
    process::set_timer(MINUTE, Duration::ZERO);
    drop(after(MINUTE));
    process::set_timer(Duration::ZERO, Duration::ZERO);
    outermost();
}

fn outermost() {
    drop(after(MINUTE)); // A thread's first alarm calls `gettid`.
    marker();
    for _ in 0..1_000 {
        drop(after(MINUTE));
    }
    marker();
}

fn under_another_handler() {
    let alarm = after(MINUTE);
    process::set_action(process::counting(), nix::libc::SA_RESTART, &[]);
    process::set_timer(2 * MINUTE, Duration::ZERO);
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

fn traced(name: &'static str, run: fn(), judge: fn(&Outcome) -> Result<(), String>) -> Scenario {
    scenario(name, run)
        .launched(|inner| match support::tool("strace") {
            Some(mut strace) => {
                strace.args(["-e", "signal=none", "--"]).arg(inner.get_program());
                rebuilt(inner, strace)
            }
            None => {
                let mut command = std::process::Command::new("echo");
                command.arg("skipped: no strace");
                command
            }
        })
        .judged(move |outcome| {
            if outcome.stdout.starts_with("skipped:") {
                return Ok(());
            }
            if !outcome.status.success() {
                return Err("expected exit code 0".to_owned());
            }
            judge(outcome)
        })
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        traced("a_nested_alarm_makes_none", nested, none),
        traced("nor_under_an_odd_deadline", nested_oddly, none),
        traced("a_restart_makes_none", restarted, none),
        traced("a_check_makes_none", checked, none),
        traced("nor_does_one_that_errs", expired, none),
        traced("a_handler_over_the_librarys_is_not_moved", under_another_handler, only_asks),
        traced("an_outermost_alarm_makes_eight", outermost, each_with_the_interval_timer),
        traced(
            "an_outermost_alarm_with_a_private_timer_makes_nine",
            outermost_with_a_private_timer,
            each_with_a_private_timer,
        ),
    ]
}
