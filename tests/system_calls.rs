//! What arming costs in system calls, counted by strace.

mod support;

use std::time::{Duration, Instant};

use sigalarm::Alarm;
use support::process;
use support::{Outcome, Scenario, rebuilt, scenario};

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

/// Under a deadline between two of the kernel's microseconds.
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

/// The check that errs, and the next one: the kernel has nothing more to do for them.
fn expired() {
    for _ in 0..100 {
        let limit = Duration::from_micros(500);
        let (began, alarm) = (Instant::now(), after(limit));
        while began.elapsed() < 4 * limit {}
        marker();
        alarm.check().expect_err("its time is over");
        sigalarm::checkpoint().expect_err("its time is over");
        marker();
    }
}

fn outermost() {
    marker();
    for _ in 0..1_000 {
        drop(after(MINUTE));
    }
    marker();
}

/// Somebody has set the timer over ours, and a handler as well.
fn under_a_handler_of_somebodys() {
    let alarm = after(MINUTE);
    process::set_action(process::counting(), nix::libc::SA_RESTART, &[]);
    process::set_timer(2 * MINUTE, Duration::ZERO);
    marker();
    drop(alarm);
    marker();
    assert_eq!(process::action().sa_sigaction, process::counting());
}

/// A call that nothing else makes, to find the part that counts.
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call without arguments.
fn marker() {
    unsafe { nix::libc::getppid() };
}

/// The names of the calls between the first marker and the second, the third and the fourth, and so on.
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
    // The allocator may ask for memory once, however many rounds there are.
    // Nor is it a call of anybody's when a handler returns, whose ring was late.
    let others = ["brk", "mmap", "munmap", "rt_sigreturn"];
    let own: Vec<&String> = calls.iter().filter(|name| !others.contains(&name.as_str())).collect();
    if own.is_empty() { Ok(()) } else { Err(format!("{} system calls, the first {}", own.len(), own[0])) }
}

/// Looks who is there, and puts nobody in their place: not for a moment, in which their timer might ring.
fn a_look(outcome: &Outcome) -> Result<(), String> {
    let count = calls(outcome)?.iter().filter(|name| *name == "rt_sigaction").count();
    if count == 1 { Ok(()) } else { Err(format!("{count} calls of sigaction")) }
}

/// Held up in the middle of `setitimer`, as it often is under strace, a thread sets the timer again, twice at most.
fn five_each(outcome: &Outcome) -> Result<(), String> {
    let calls = calls(outcome)?;
    let count = |wanted: &str| calls.iter().filter(|name| *name == wanted).count();
    let (timer, action, mask) = (count("setitimer"), count("rt_sigaction"), count("rt_sigprocmask"));
    let again = timer.checked_sub(2_000).ok_or("the timer was not set for each")?;
    let as_meant = again <= 2_000 && (action, mask, calls.len()) == (2_000, 1_000, 5_000 + again);
    if as_meant { Ok(()) } else { Err(format!("{:?} of {}", (timer, action, mask), calls.len())) }
}

fn traced(name: &'static str, run: fn(), judge: fn(&Outcome) -> Result<(), String>) -> Scenario {
    scenario(name, run)
        .launched(|inner| match support::tool("strace") {
            Some(mut strace) => {
                // Straight to stderr; only calls, no signals.
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

fn main() {
    support::main(vec![
        traced("a_nested_alarm_makes_none", nested, none),
        traced("nor_under_an_odd_deadline", nested_oddly, none),
        traced("a_restart_makes_none", restarted, none),
        traced("a_check_makes_none", checked, none),
        traced("nor_does_one_that_errs", expired, none),
        traced("theirs_is_not_moved", under_a_handler_of_somebodys, a_look),
        traced("an_outermost_alarm_makes_five", outermost, five_each),
    ]);
}
