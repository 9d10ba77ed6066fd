//! Two copies of the library in one program: A and B.

use std::time::Duration;

use crate::support::process::{counted, state};
use crate::support::*;
use nix::libc::SIGALRM;
use sigalarm_second_copy::Alarm as AlarmB;

const ROUNDS: usize = 300;

fn after_b(limit: Duration) -> AlarmB {
    AlarmB::after(limit).expect("arming")
}

fn expires_b(alarm: &AlarmB, limit: Duration) {
    let began = std::time::Instant::now();
    let timed_out = loop {
        match alarm.check() {
            Err(timed_out) => break timed_out,
            Ok(()) => assert!(began.elapsed() < limit + LATE, "B's limit of {limit:?} is never seen"),
        }
    };
    // On a busy machine an enclosing alarm may have expired first.
    assert!(!alarm.owns(&timed_out) || alarm.elapsed() >= limit, "early");
}

fn short_limit_of_b_inside_a_expires() {
    let before = state();
    for _ in 0..ROUNDS {
        let outer = after(50 * MS);
        let inner = after_b(MS);
        expires_b(&inner, MS);
        drop(inner);
        let _ = outer.check();
        drop(outer);
        assert_eq!(state(), before);
    }
}

fn callback_into_a_below_b_checks_both() {
    let before = state();
    for round in 0..ROUNDS {
        let outer = after(100 * MS);
        let middle = after_b(10 * MS);
        let inner = after(MS);
        // On a busy machine an enclosing alarm may expire too.
        expires(&inner, MS);
        drop(inner);
        if round % 10 == 0 {
            expires_b(&middle, 10 * MS);
        }
        drop(middle);
        drop(outer);
        assert_eq!(state(), before);
    }
}

/// Arms A, then B; drops A, then B. A's handler stays and forwards.
fn overlapping_orders_forward_the_programs_timer() {
    process::count_signals();
    for round in 0..ROUNDS {
        let a = after(20 * MS);
        let b = after_b(if round % 2 == 0 { US * 30 } else { 20 * MS });
        drop(a);
        if round % 2 == 0 {
            expires_b(&b, US * 30);
        }
        drop(b);
        process::once(20 * US);
        spin_until(|| counted() > round);
        assert_eq!(counted(), round + 1, "it came twice");
    }
}

fn overlapping_orders_leave_the_default_action() {
    let a = after(50 * MS);
    let b = after_b(50 * MS);
    drop(a);
    drop(b);
    process::once(20 * MS);
    spin(LATE);
}

/// B's handler is A's previous one. With a foreign timer the library uses private timers only.
fn armed_again(with_timer: bool) {
    process::count_signals();
    for round in 0..ROUNDS {
        let expected = if with_timer { round + 1 } else { 0 };
        if with_timer {
            process::once(50 * US);
        }
        let a = after(20 * MS);
        let b = after_b(300 * US);
        drop(a);
        let again = after(100 * US);
        expires(&again, 100 * US);
        expires_b(&b, 300 * US);
        spin_until(|| counted() >= expected);
        if round % 2 == 0 {
            drop(again);
            drop(b);
        } else {
            drop(b);
            drop(again);
        }
        assert_eq!(counted(), expected, "a signal of the library's came, or one came twice");
    }
}

fn overlapping_orders_beside_a_second_thread() {
    process::count_signals();
    let rounds = |thread: u32| {
        for round in 0..ROUNDS as u32 {
            let limit = US * (20 + (round * 37 + thread * 11) % 200);
            let a = after(limit);
            let b = after_b(limit * 2);
            if round % 3 == 0 {
                expires(&a, limit);
            }
            drop(a);
            let again = after(limit);
            if round % 2 == 0 {
                expires_b(&b, limit * 2);
                drop(b);
                drop(again);
            } else {
                drop(again);
                drop(b);
            }
        }
    };
    std::thread::scope(|s| {
        s.spawn(|| rounds(1));
        rounds(2);
    });
    // Limit: a thread that is held up between two calls of `sigaction` while the other copy's timer expires.
    let before = counted();
    assert!(before <= 3, "{before} signals of the library's reached the program's handler");
    process::once(US);
    spin_until(|| counted() == before + 1);
}

fn two_threads_with_a_copy_each_expire() {
    std::thread::scope(|s| {
        s.spawn(|| (0..ROUNDS * 5).for_each(|n| drop(after_b(US * (n as u32 % 100)))));
        (0..ROUNDS * 5).for_each(|n| drop(after(US * (n as u32 % 90))));
    });
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        short_limit_of_b_inside_a_expires,
        callback_into_a_below_b_checks_both,
        overlapping_orders_forward_the_programs_timer,
        overlapping_orders_leave_the_default_action.dies_of(SIGALRM),
        a_armed_again_over_b_expires = || armed_again(false),
        a_armed_again_over_b_forwards_a_foreign_timer = || armed_again(true),
        overlapping_orders_beside_a_second_thread,
        two_threads_with_a_copy_each_expire,
    ]
}
