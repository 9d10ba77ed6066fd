//! Timers that the program sets or disarms under a guard.

use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;

fn alarm_expires_after_the_program_disarms_the_timer() {
    let alarm = after(20 * MS);
    process::disarm();
    drop(after(MS)); // an earlier deadline: setting the timer returns the old value
    expires(&alarm, 20 * MS);
}

fn timer_set_over_a_guard_is_delivered() {
    process::count_signals();
    let alarm = after(SECOND / 2);
    let began = Instant::now();
    process::once(SECOND);
    let inner = after(MS); // notices the foreign timer
    expiry(&inner);
    expiry(&alarm);
    assert!(counted() == 0 || began.elapsed() >= SECOND, "the foreign timer is early");
    spin_until(|| counted() == 1);
    assert!(began.elapsed() >= SECOND, "the foreign timer is early");
}

fn timer_set_over_a_guard_is_restored() {
    process::count_signals();
    let alarm = after(10 * SECOND);
    let began = Instant::now();
    process::set_timer(100 * SECOND, 20 * SECOND);
    drop(alarm);
    let (left, interval) = process::timer();
    assert!(left <= 100 * SECOND && interval == 20 * SECOND, "{left:?}, {interval:?}");
    assert!(left + began.elapsed() > 99 * SECOND, "{left:?}, {interval:?}");
}

/// The deadline has passed without a signal, and the restart need not program the timer.
fn timer_set_over_a_guard_is_seen_by_a_restart() {
    process::count_signals();
    let alarm = after(10 * MS);
    let began = Instant::now();
    process::once(100 * SECOND);
    while began.elapsed() < 20 * MS {}
    alarm.restart();
    expires(&alarm, 10 * MS);
    drop(alarm);
    let foreign = process::timer().0 + began.elapsed();
    assert!(foreign.abs_diff(100 * SECOND) < SECOND, "the foreign timer is lost: {foreign:?}");
}

/// The foreign timer expires before the guard's deadline.
fn short_timer_set_over_a_guard_is_forwarded_at_the_next_check() {
    process::count_signals();
    let alarm = after(SECOND);
    // After a preemption the two expiries cannot be distinguished.
    process::once(5 * MS);
    spin_until(|| {
        let _ = alarm.check();
        counted() == 1
    });
    expires(&alarm, SECOND);
    assert_eq!(counted(), 1);
}

/// The stopped timer does not prove that the guard's timer expired.
fn short_timer_set_over_a_guard_is_forwarded_after_both_deadlines() {
    process::count_signals();
    let mut rounds = 0;
    while rounds < 3 {
        let before = counted();
        let began = Instant::now();
        let alarm = after(600 * MS);
        process::once(50 * MS);
        // After a preemption the two expiries cannot be distinguished.
        let mut held_up = began.elapsed() > 100 * MS;
        let mut last = began;
        while began.elapsed() < 700 * MS {
            let now = Instant::now();
            held_up |= now - last > 400 * MS;
            last = now;
        }
        assert!(alarm.check().is_err());
        if !held_up {
            spin_until(|| counted() == before + 1);
            rounds += 1;
        }
        drop(alarm);
        assert!(counted() <= before + 1, "it was forwarded twice");
    }
}

fn foreign_timer_disarmed_under_a_guard_stays_disarmed(checks: bool, threads: bool) {
    process::once(SECOND / 2);
    let alarm = after(10 * SECOND);
    process::disarm();
    let long = if threads { 1_100 * MS } else { 600 * MS };
    std::thread::scope(|scope| {
        if threads {
            scope.spawn(|| std::thread::sleep(long * 2));
        }
        let began = Instant::now();
        while began.elapsed() < long {
            assert!(!checks || alarm.check().is_ok());
        }
        // The default action would end the process.
        drop(alarm);
        assert_eq!(process::timer(), (Duration::ZERO, Duration::ZERO));
        spin(20 * MS);
    });
}

fn timer_set_without_a_deadline_is_foreign() {
    process::count_signals();
    for alarm in [never(), after(Duration::ZERO)] {
        let before = counted();
        process::once(20 * MS);
        spin_until(|| {
            let _ = alarm.check();
            counted() > before
        });
        spin_until(|| process::timer().0.is_zero());
        assert_eq!(counted(), before + 1);
    }
}

/// The timer is foreign from its first expiry on. Signals that are late may merge.
fn timer_set_after_an_expiry_is_foreign() {
    process::count_signals();
    for period in [Duration::ZERO, 100 * MS].repeat(3) {
        let before = counted();
        let alarm = after(MS);
        expiry(&alarm);
        let began = Instant::now();
        process::set_timer(100 * MS, period);
        spin_until(|| {
            assert!(alarm.check().is_err());
            let came = counted() - before;
            assert!(began.elapsed() >= 100 * MS * came as u32, "early");
            came > usize::from(!period.is_zero())
        });
        if period.is_zero() {
            spin(140 * MS);
            assert_eq!(counted(), before + 1);
        }
        drop(alarm);
        process::disarm();
    }
}

/// Once it has seen a foreign timer, the library leaves the interval timer alone. So each round has a process.
fn timer_set_just_before_a_deadline_is_foreign(limit: Duration) {
    process::count_signals();
    let round = || {
        // In a new child the first arms take page faults between the clock and the timer.
        for _ in 0..20 {
            drop(after(SECOND));
        }
        let alarm = after(3 * MS);
        let (left, _) = process::timer();
        // For a preempted thread the timer may be nearly over. Such a round is skipped.
        let Some(earlier) = left.checked_sub(Duration::from_micros(100)).filter(|time| !time.is_zero())
        else {
            std::process::exit(0);
        };
        process::once(earlier);
        drop(after(limit)); // notices the foreign timer
        if alarm.elapsed() > 2 * MS {
            std::process::exit(0);
        }
        spin_until(|| alarm.elapsed() > 8 * MS);
        std::process::exit(if counted() > 0 && alarm.check().is_err() { 2 } else { 1 });
    };
    let codes: Vec<i32> = (0..60).map(|_| process::in_child(round) >> 8).collect();
    let number_of = |code| codes.iter().filter(|&&c| c == code).count();
    let (known, unknown) = (number_of(2), number_of(1));
    assert_eq!(known + unknown + number_of(0), 60, "{codes:?}");
    // A preemption while the timer is set makes its deadline uncertain.
    assert!(known >= unknown, "{known} of {}", known + unknown);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        alarm_expires_after_the_program_disarms_the_timer,
        timer_set_over_a_guard_is_delivered,
        timer_set_over_a_guard_is_restored,
        timer_set_over_a_guard_is_seen_by_a_restart,
        disarmed_foreign_timer_stays_disarmed =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(false, false),
        disarmed_foreign_timer_stays_disarmed_under_checks =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(true, false),
        disarmed_foreign_timer_stays_disarmed_beside_a_thread =
            || foreign_timer_disarmed_under_a_guard_stays_disarmed(false, true),
        short_timer_set_over_a_guard_is_forwarded_at_the_next_check,
        short_timer_set_over_a_guard_is_forwarded_after_both_deadlines,
        timer_set_without_a_deadline_is_foreign,
        timer_set_after_an_expiry_is_foreign,
        timer_set_just_before_a_deadline_is_foreign = || timer_set_just_before_a_deadline_is_foreign(MS),
        timer_set_just_before_an_expiry_is_foreign =
            || timer_set_just_before_a_deadline_is_foreign(Duration::from_micros(1)),
    ]
}
