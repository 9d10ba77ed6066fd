//! Foreign timers that expire as a guard takes over or restores the timer.

use std::time::Instant;

use crate::support::process::counted;
use crate::support::*;

fn foreign_timer_does_not_drift_under_guards() {
    process::count_signals();
    let began = Instant::now();
    process::once(500 * MS);
    let latest = began.elapsed() + 500 * MS + 2 * US; // The kernel rounds up to microseconds.
    while counted() == 0 {
        drop(after(SECOND));
        let now = began.elapsed();
        let (left, _) = process::timer();
        // A timer that has just expired may read as one microsecond.
        assert!(left <= US || now + left <= latest, "{left:?} are left after {now:?}");
        assert!(now < LATE, "never came");
    }
    assert!(began.elapsed() >= 500 * MS, "early");
}

fn periodic_timer_that_expires_at_a_takeover_is_delivered_once() {
    process::count_signals();
    for n in rounds(2_000) {
        let before = counted();
        let began = Instant::now();
        process::set_timer(US * (1 + n as u32 % 24), 100 * MS);
        let alarm = after(50 * MS);
        while began.elapsed() < 80 * US {}
        let _ = alarm.check();
        drop(alarm);
        process::disarm();
        // A preempted thread has seen more than one.
        if began.elapsed() < 50 * MS {
            assert_eq!(counted() - before, 1, "{n}");
        }
    }
}

fn new_timer_close_to_a_restored_one_is_kept() {
    process::count_signals();
    for n in 0..50 {
        let before = counted();
        process::once(20 * MS);
        drop(after(SECOND));
        let (left, _) = process::timer();
        let new = left + US * (20 + n);
        let began = Instant::now();
        if process::once(new).is_zero() {
            continue; // For a preempted thread the first one has expired.
        }
        let alarm = after(SECOND);
        spin_until(|| counted() > before);
        assert!(began.elapsed() >= new, "early by {:?}", new - began.elapsed());
        drop(alarm);
    }
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        foreign_timer_does_not_drift_under_guards,
        periodic_timer_that_expires_at_a_takeover_is_delivered_once,
        new_timer_close_to_a_restored_one_is_kept,
    ]
}
