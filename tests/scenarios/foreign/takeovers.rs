//! Foreign timers that expire as a guard takes over or restores the timer.

use std::sync::atomic::{AtomicBool, Ordering};
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

/// A guard takes over or restores the timer at each moment of its last microseconds.
fn foreign_timer_is_delivered_once_when_guards_meet_its_expiry() {
    process::count_signals();
    let (mut done, mut too_many) = (0, 0);
    for round in rounds(2_000) {
        let before = counted();
        let began = Instant::now();
        let limit = US * (300 + round as u32 % 97);
        process::once(limit);
        while counted() == before {
            drop(after(SECOND));
            assert!(began.elapsed() < LATE, "never came, in round {round}");
        }
        assert!(began.elapsed() >= limit, "early");
        drop(after(SECOND));
        too_many += counted() - before - 1;
        done += 1;
    }
    assert!(too_many <= done / 100, "{too_many} too many, of {done}");
}

/// An expiry cannot be distinguished from one pending on the other thread, so a doubtful round is not counted.
fn foreign_timer_is_delivered_once_when_guards_meet_its_expiry_beside_a_thread() {
    process::count_signals();
    let over = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(MS);
            }
        });
        let (mut done, mut lost) = (0, 0);
        for round in rounds(1_000) {
            let before = counted();
            let began = Instant::now();
            process::once(US * (100 + round as u32 % 97));
            while counted() == before && began.elapsed() < 2 * SECOND {
                drop(after(SECOND));
            }
            lost += usize::from(counted() == before);
            done += 1;
        }
        over.store(true, Ordering::Relaxed);
        // For a preempted thread it may stay in doubt.
        assert!(lost <= done / 100, "{lost} lost, of {done}");
    });
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
        foreign_timer_is_delivered_once_when_guards_meet_its_expiry,
        foreign_timer_is_delivered_once_when_guards_meet_its_expiry_beside_a_thread,
        periodic_timer_that_expires_at_a_takeover_is_delivered_once,
        new_timer_close_to_a_restored_one_is_kept,
    ]
}
