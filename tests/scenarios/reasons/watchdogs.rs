//! Watchdogs: `abort_after`.

use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_RESTART, SIGABRT, SIGUSR1, SIGUSR2};
use sigalarm::{Alarm, AlarmBuilder, Cause, checkpoint};

const LINE: &str =
    "sigalarm: parse has not answered 60 ms after its limit of 40 ms; ending the process. On its thread: ";

const OUTER_LINE: &str =
    "sigalarm: outer has not answered 0 s after its limit of 2 s; ending the process. On its thread: outer (";

fn parse() -> AlarmBuilder {
    Alarm::builder().after(40 * MS).label("parse").abort_after(60 * MS)
}

fn never_checks() {
    let _alarm = arm(parse());
    hang();
}

fn watchdog_dumps_core() {
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let _alarm = arm(Alarm::builder().after(40 * MS).label("parse").dump_core_after(60 * MS));
    hang();
}

/// The program's own timer expires first, once.
fn watchdog_fires_after_a_foreign_timer() {
    process::count_signals();
    process::once(20 * MS);
    let _alarm = arm(parse());
    hang();
}

fn watchdog_ends_a_system_call() {
    let _alarm = arm(parse());
    std::thread::sleep(10 * LATE);
}

fn watchdog_without_grace_ends_at_once() {
    let _alarm = arm(Alarm::builder().after(100 * MS).label("parse").abort_after(Duration::ZERO));
    hang();
}

/// An enclosing limit ends sooner, so the timer is already set.
fn watchdog_fires_inside_a_limit() {
    let _outer = arm(Alarm::builder().after(30 * MS));
    let _alarm = arm(parse());
    hang();
}

/// Other alarms have come and gone, and one has a distant deadline.
fn watchdog_fires_among_other_alarms() {
    let first = arm(Alarm::builder().after(100 * SECOND).abort_after(100 * SECOND));
    let alarm = arm(parse());
    let _third = arm(Alarm::builder().after(200 * SECOND).abort_after(SECOND));
    drop(first);
    alarm.restart();
    hang();
}

fn watchdog_fires_while_another_thread_checks() {
    let _alarm = arm(parse());
    std::thread::spawn(|| drop(expiry(&arm(Alarm::builder().after(45 * MS)))));
    hang();
}

/// The label is cut at a character boundary.
fn watchdog_cuts_a_long_label() {
    let label = format!("two\nlines{}", "ü".repeat(300));
    let _alarm = arm(Alarm::builder().after(MS).label(label).abort_after(MS));
    hang();
}

fn ends_with_a_cut_line(outcome: &Outcome) -> Result<(), String> {
    let line = &outcome.stderr;
    let whole = line.starts_with("sigalarm: two\u{fffd}linesüüü")
        && line.contains(
            "üüü has not answered 1 ms after its limit of 1 ms; ending the process. On its thread: two",
        )
        && line.ends_with('\n');
    if outcome.status.code() == Some(124) && whole && (599..=600).contains(&line.len()) {
        Ok(())
    } else {
        Err("expected exit code 124 and a line of 600 bytes".to_owned())
    }
}

/// A watchdog that is disarmed, moved, suspended or inherited does not abort. The suspended process has its own
/// disposition.
fn watchdog_waits_while_suspended() {
    let alarm = arm(Alarm::builder().after(40 * MS).label("parse").abort_after(60 * MS));
    sigalarm::suspended(|| std::thread::sleep(200 * MS));
    assert!(alarm.check().is_err(), "its grace begins anew");
    sigalarm::suspended(|| {
        let _inner = arm(Alarm::builder().after(MS).abort_after(MS));
        alarm.restart();
        std::thread::sleep(100 * MS);
    });
    spin(SECOND);
}

fn watchdog_that_was_moved_does_not_fire() {
    const GRACE: Duration = Duration::from_secs(1);
    let bounded = || arm(Alarm::builder().after(MS).abort_after(GRACE));
    let other = arm(Alarm::builder().after(GRACE * 2));
    let disarmed = bounded();
    disarmed.disarm();
    let extended = bounded();
    extended.extend(1_000 * SECOND);
    drop(bounded());
    // Without a check.
    spin(GRACE * 2);
    drop((disarmed, extended, other));
    println!("disarmed and extended");

    let restarted = bounded();
    for _ in 0..8 {
        spin(GRACE / 4);
        restarted.restart();
    }
    drop(restarted);
    println!("restarted");

    let alarm = bounded();
    let child = fork();
    if child == 0 {
        let _own = arm(Alarm::builder().after(MS));
        spin(GRACE * 2);
        children::exit_now(0);
    }
    drop(alarm);
    let ended = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None).expect("a child");
    assert!(matches!(ended, nix::sys::wait::WaitStatus::Exited(_, 0)), "{ended:?}");
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn fork() -> i32 {
    unsafe { libc::fork() }
}

fn alarm_with_each_reason_expires_inside_a_limit() {
    let outer = arm(Alarm::builder().after(100 * SECOND));
    let inside = || Alarm::builder().after(200 * SECOND);
    let alarm = arm(inside().check_limit(3));
    assert!((0..3).all(|_| alarm.check().is_ok()));
    assert_eq!(alarm.check().expect_err("no check is left").cause(), Cause::Checks);
    drop(alarm);
    let alarm = arm(inside().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    assert_eq!(alarm.check().expect_err("rung").cause(), Cause::Signal(SIGUSR1));
    drop(alarm);
    let alarm = arm(inside().cpu_limit(5 * MS));
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    drop(alarm);
    let alarm = arm(inside().audit(8 * MS));
    spin(40 * MS);
    assert!(alarm.check().is_ok());
    assert!(alarm.longest_gap().is_some());
    drop(alarm);
    assert!(outer.check().is_ok());
    process::set_action_for(SIGUSR2, process::counting(), SA_RESTART, &[]);
    drop(arm(inside().ring_on(SIGUSR2).check_limit(1).abort_after(Duration::ZERO)));
    process::kill_self(SIGUSR2);
    assert_eq!(counted(), 1);
    assert!((0..3).all(|_| outer.check().is_ok()));
}

/// The inner watchdog is due sooner. After its removal no check follows.
fn never_checks_after_an_inner_watchdog(take_away: fn(Alarm)) {
    let _outer = arm(Alarm::builder().after(2 * SECOND).label("outer").abort_after(Duration::ZERO));
    take_away(arm(Alarm::builder().after(1_500 * MS).label("inner").abort_after(Duration::ZERO)));
    spin(LATE);
}

fn checks_and_keeps(alarm: Alarm) {
    alarm.ring();
    assert!(alarm.check().is_err());
    std::mem::forget(alarm);
}

fn foreign_timer_fires_after_a_watchdog_was_removed() {
    process::count_signals();
    let outer = arm(Alarm::builder().after(LATE));
    for (n, answers) in [false, true].into_iter().enumerate() {
        let began = Instant::now();
        process::once(1_500 * MS);
        let inner = arm(Alarm::builder().after(1_200 * MS).abort_after(Duration::ZERO));
        if answers {
            inner.ring();
            assert!(inner.check().is_err());
        }
        let kept = answers.then_some(inner);
        while process::counted() == n {
            assert!(began.elapsed() < LATE / 2, "never came");
        }
        assert!(began.elapsed() >= 1_500 * MS, "early");
        drop(kept);
    }
    drop(outer);
    assert_eq!(process::counted(), 2);
}

fn check_cancels_the_watchdog() {
    for n in 0..20 {
        let alarm = arm(Alarm::builder().after(2 * MS).abort_after(SECOND));
        match n % 5 {
            0 => drop(expiry(&alarm)),
            1 => drop(alarm.check()),
            2 => (0..100).for_each(|_| alarm.restart()),
            3 => alarm.disarm(),
            _ => alarm.extend(2 * SECOND),
        }
        match n % 5 {
            2 => drop(expiry(&alarm)),
            1 => continue,
            _ => {}
        }
        spin(20 * MS);
        if n == 10 {
            spin(SECOND + 300 * MS); // checked: long after the grace
        }
    }
    // A check of an inner alarm does not cancel the watchdog of an outer, unexpired one.
    let status = process::in_child(|| {
        let _outer = arm(Alarm::builder().after(SECOND).abort_after(100 * MS));
        drop(expiry(&arm(Alarm::builder().after(MS))));
        spin(LATE);
    });
    assert_eq!(status, 124 << 8, "exit code 124");
    // An inner check that returns the outer alarm's error cancels the outer watchdog too.
    let outer = arm(Alarm::builder().after(2 * MS).abort_after(SECOND));
    let inner = arm(Alarm::builder().after(MS).abort_after(SECOND));
    assert!(expiry(&inner).alarm() <= inner.id());
    spin(MS);
    drop(inner.check());
    spin(SECOND + 100 * MS);
    drop(outer);
    let child = process::in_child(|| spin(10 * MS));
    assert_eq!(child, 0);
}

fn second_ring_does_not_rearm_the_watchdog() {
    let bounded = |limit| arm(Alarm::builder().after(limit).abort_after(SECOND));
    let by_deadline = bounded(MS);
    expiry(&by_deadline);
    by_deadline.ring();
    let by_hand = [bounded(SECOND), bounded(SECOND)];
    by_hand.iter().for_each(Alarm::ring);
    by_hand.iter().for_each(|alarm| drop(expiry(alarm)));
    by_hand[0].ring();
    by_hand[1].extend(MS); // does not undo a ring
    spin(3 * SECOND);
    drop((by_deadline, by_hand));
    let status = process::in_child(|| {
        let alarm = bounded(MS);
        expiry(&alarm);
        alarm.restart();
        spin(LATE);
    });
    assert_eq!(status, 124 << 8, "exit code 124");
}

fn check_of_an_entered_alarm_cancels_the_watchdog() {
    let entered = arm(Alarm::builder().after(MS));
    std::thread::scope(|s| {
        s.spawn(|| {
            let _entered = entered.enter();
            let own = arm(Alarm::builder().after(MS).abort_after(SECOND));
            spin(2 * MS);
            assert!(entered.owns(&expiry(&own)));
            spin(2 * SECOND);
            let other = arm(Alarm::builder().after(MS).abort_after(SECOND));
            spin(2 * MS);
            assert!(entered.owns(&checkpoint().expect_err("all have expired")));
            spin(2 * SECOND);
            drop(other);
        });
    });
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
fn watchdog_ends_with_a_full_standard_error() {
    let (_read, write) = nix::unistd::pipe().expect("a pipe");
    nix::unistd::dup2_stderr(&write).expect("standard error");
    unsafe { libc::fcntl(2, libc::F_SETFL, libc::O_NONBLOCK) };
    while unsafe { libc::write(2, [0_u8; 512].as_ptr().cast(), 512) } > 0 {}
    unsafe { libc::fcntl(2, libc::F_SETFL, 0) };
    never_checks();
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        watchdog_ends_a_loop.exits_with(124).says(LINE).takes(100 * MS) = never_checks,
        watchdog_dumps_core.dies_of(SIGABRT).says(LINE).takes(100 * MS),
        watchdog_fires_after_a_foreign_timer.exits_with(124).says(LINE).takes(100 * MS),
        watchdog_fires_among_other_alarms.exits_with(124).says(LINE).takes(100 * MS),
        watchdog_fires_while_another_thread_checks.exits_with(124).says(LINE).takes(100 * MS),
        watchdog_cuts_a_long_label.judged(ends_with_a_cut_line),
        watchdog_that_was_moved_does_not_fire,
        watchdog_waits_while_suspended.exits_with(124).says(LINE).takes(100 * MS),
        watchdog_fires_inside_a_limit.exits_with(124).says(LINE).takes(100 * MS),
        alarm_with_each_reason_expires_inside_a_limit,
        watchdog_ends_a_system_call.exits_with(124).says(LINE).takes(100 * MS),
        watchdog_without_grace_ends_at_once.exits_with(124),
        watchdog_fires_after_an_inner_one_was_dropped.exits_with(124).says(OUTER_LINE).takes(2 * SECOND) =
            || never_checks_after_an_inner_watchdog(drop),
        watchdog_fires_after_an_inner_one_was_checked.exits_with(124).says(OUTER_LINE).takes(2 * SECOND) =
            || never_checks_after_an_inner_watchdog(checks_and_keeps),
        foreign_timer_fires_after_a_watchdog_was_removed,
        check_cancels_the_watchdog,
        second_ring_does_not_rearm_the_watchdog,
        check_of_an_entered_alarm_cancels_the_watchdog,
        watchdog_ends_with_a_full_standard_error.exits_with(124),
    ]
}
