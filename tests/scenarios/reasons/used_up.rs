//! Limits on processor time and on checks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{self, SIGINT};
use sigalarm::{Alarm, Cause, checkpoint};

fn cpu_limit_counts_all_threads() {
    for limit in [Duration::ZERO, Duration::from_micros(1), 10 * MS, 100 * MS] {
        let before = cpu_time();
        let alarm = arm(Alarm::builder().cpu_limit(limit));
        let e = expiry(&alarm);
        let used = cpu_time() - before;
        assert_eq!((e.cause(), e.limit()), (Cause::Cpu, Some(limit)));
        assert!(used >= limit && e.elapsed() >= limit, "early: {used:?} of {limit:?}");
        // The process has one thread, so processor time after the limit is spent on checks.
        assert!(used <= limit + (limit / 20).max(20 * MS), "late: {used:?} of {limit:?}");
    }
    let alarm = arm(Alarm::builder().cpu_limit(50 * MS).after(10 * SECOND));
    std::thread::sleep(120 * MS);
    assert!(alarm.check().is_ok());
    let began = Instant::now();
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    assert!(began.elapsed() >= 30 * MS);
    alarm.restart();
    assert!(alarm.check().is_ok(), "a restart gives the whole time again");
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls.
fn cpu_limit_is_kept_under_load() {
    let busy: Vec<i32> = (0..4)
        .map(|_| match unsafe { libc::fork() } {
            0 => loop {
                std::hint::spin_loop();
            },
            child => child,
        })
        .collect();
    for _ in 0..3 {
        let (before, began) = (cpu_time(), Instant::now());
        let alarm = arm(Alarm::builder().cpu_limit(100 * MS));
        expiry(&alarm);
        let used = cpu_time() - before;
        assert!(used >= 100 * MS, "early: {used:?}");
        assert!(used <= 200 * MS, "late: {used:?} in {:?}", began.elapsed());
    }
    for child in busy {
        unsafe { libc::kill(child, libc::SIGKILL) };
    }
}

fn thread_cpu_limit_counts_one_thread() {
    let alarm = arm(Alarm::builder().thread_cpu_limit(30 * MS));
    std::thread::spawn(|| spin(80 * MS)).join().expect("no panic");
    assert!(alarm.check().is_ok());
    assert_eq!(expiry(&alarm).cause(), Cause::Cpu);
    // An ended thread uses no more time.
    std::thread::spawn(|| std::mem::forget(arm(Alarm::builder().thread_cpu_limit(5 * MS))))
        .join()
        .expect("no panic");
    let other = arm(Alarm::builder().after(30 * MS));
    drop(alarm);
    assert_eq!(expiry(&other).cause(), Cause::Deadline);
}

fn check_limit_counts_checks_of_the_alarm_and_inner_ones() {
    for budget in [0_u64, 1, 7, 1_000] {
        let alarm = arm(Alarm::builder().check_limit(budget));
        for round in 0..2 {
            for n in 0..budget {
                assert!(alarm.check().is_ok(), "check {n} of {budget}, round {round}");
            }
            assert_eq!(alarm.check().unwrap_err().cause(), Cause::Checks);
            assert!(alarm.check().is_err());
            alarm.restart();
        }
    }
    // A check counts for enclosing alarms, not for inner ones.
    let outer = arm(Alarm::builder().check_limit(3));
    let inner = arm(Alarm::builder().check_limit(2));
    assert!(outer.check().is_ok()); // outer: 2 left
    assert!(inner.check().is_ok()); // outer: 1, inner: 1
    assert!(checkpoint().is_ok()); // outer: 0, inner: 0
    assert!(outer.owns(&inner.check().unwrap_err()), "both are used up: the outer one is reported");
    // On another thread that has entered the alarm.
    let alarm = arm(Alarm::builder().check_limit(1));
    drop((inner, outer));
    std::thread::scope(|s| {
        s.spawn(|| {
            assert!(checkpoint().is_ok());
            let _entered = alarm.enter();
            assert!(checkpoint().is_ok());
            assert_eq!(checkpoint().unwrap_err().cause(), Cause::Checks);
        });
    });
}

/// A check on another thread must not clear the flag even briefly.
fn check_limit_counts_every_check_beside_other_threads() {
    const BUDGET: u64 = 20_000;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let other = arm(Alarm::builder());
                while !done.load(Ordering::Relaxed) {
                    assert!(other.check().is_ok());
                }
            });
        }
        let checked = [(); 5].map(|()| {
            let alarm = arm(Alarm::builder().check_limit(BUDGET));
            (0..2 * BUDGET).take_while(|_| alarm.check().is_ok()).count()
        });
        done.store(true, Ordering::Relaxed);
        assert_eq!(checked, [BUDGET as usize; 5]);
    });
}

fn alarm_expires_for_its_first_reason() {
    let all =
        Alarm::builder().after(SECOND * 30).cpu_limit(20 * SECOND).check_limit(1_000_000_000).ring_on(SIGINT);
    for (builder, cause) in [
        (all.clone().after(5 * MS), Cause::Deadline),
        (all.clone().cpu_limit(5 * MS), Cause::Cpu),
        (all.clone().check_limit(10), Cause::Checks),
    ] {
        assert_eq!(expiry(&arm(builder)).cause(), cause);
    }
    let alarm = arm(all.clone());
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT));
    alarm.restart();
    alarm.ring();
    assert_eq!(expiry(&alarm).cause(), Cause::Rung);
    alarm.disarm();
    for _ in 0..1_000 {
        assert!(alarm.check().is_ok());
    }
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT), "that is no limit, and still in force");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        cpu_limit_counts_all_threads,
        cpu_limit_is_kept_under_load,
        thread_cpu_limit_counts_one_thread,
        check_limit_counts_checks_of_the_alarm_and_inner_ones,
        check_limit_counts_every_check_beside_other_threads,
        alarm_expires_for_its_first_reason,
    ]
}
