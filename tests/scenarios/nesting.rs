//! Nested alarms, in any order, on any threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use sigalarm::{Alarm, Cause, checkpoint};

fn inner_alarm_never_hides_an_outer_one() {
    let outer = after(10 * MS);
    let inner = after(60 * SECOND);
    let e = expiry(&inner);
    assert!(outer.owns(&e) && !inner.owns(&e));
    assert!(e.elapsed() >= 10 * MS && e.elapsed() < 60 * SECOND);
    drop(inner);
    assert!(outer.owns(&checkpoint().unwrap_err()));
}

fn an_expired_inner_alarm_does_not_end_the_outer() {
    let outer = after(60 * SECOND);
    let inner = after(MS);
    assert!(inner.owns(&expiry(&inner)));
    assert!(outer.check().is_ok());
    assert!(inner.owns(&checkpoint().unwrap_err()), "a checkpoint asks them all");
    drop(inner);
    assert!(checkpoint().is_ok());
}

fn of_two_expired_the_outer_is_reported() {
    let outer = after(2 * MS);
    let inner = after(MS);
    while !(outer.is_expired() && inner.is_expired()) {}
    assert!(outer.owns(&inner.check().unwrap_err()));
    assert!(outer.owns(&checkpoint().unwrap_err()));
    drop(outer);
    // The inner alarm may have been armed much later.
    assert!(inner.owns(&expiry(&inner)));
}

fn alarms_dropped_in_any_order_leave_the_rest() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let before = process::state();
        let mut alarms: Vec<Option<Alarm>> = (0..3).map(|n| Some(after((3 - n) * 3 * MS))).collect();
        for (gone, index) in order.into_iter().enumerate() {
            alarms[index as usize] = None;
            let left: Vec<&Alarm> = alarms.iter().flatten().collect();
            assert_eq!(left.len(), 2 - gone);
            if let Some(last) = left.last() {
                // The error belongs to one of the alarms left, and is not early.
                let e = expiry(last);
                assert!(left.iter().any(|alarm| alarm.owns(&e)));
                assert!(e.elapsed() >= e.limit().expect("a limit"));
            }
        }
        assert_eq!(process::state(), before);
    }
}

fn ten_thousand_alarms_expire_in_order() {
    let alarms: Vec<Alarm> = (0..10_000).map(|n| after(SECOND * 100 + n * MS)).collect();
    assert!(alarms.iter().all(|alarm| alarm.check().is_ok()));
    let short = after(MS);
    assert!(short.owns(&expiry(&short)));
    assert!(alarms.iter().all(|alarm| alarm.check().is_ok()));
    alarms[5_000].ring();
    assert!(alarms[4_999].check().is_ok());
    assert!(alarms[5_000].owns(&alarms[9_999].check().unwrap_err()), "it encloses the later ones");
    drop(alarms);
    drop(short);
    assert_eq!(process::timer().0, Duration::ZERO);
}

fn thousand_nested_deadlines_expire_in_order() {
    let alarms: Vec<Alarm> = (0..1_000_u32).rev().map(|n| after(n * 50 * Duration::from_micros(1))).collect();
    // The innermost was armed last and expires first.
    for alarm in alarms.iter().rev() {
        let e = expiry(alarm);
        assert!(e.elapsed() >= e.limit().expect("a limit"));
    }
}

fn ring_from_another_thread_is_seen() {
    let alarm = never();
    let outer = never();
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(5 * MS);
            alarm.ring();
        });
        let e = expiry(&alarm);
        assert_eq!(e.cause(), Cause::Rung);
        assert!(alarm.owns(&e));
    });
    alarm.ring();
    assert!(alarm.owns(&outer.check().unwrap_err()), "`alarm` was armed first, so it encloses `outer`");
}

fn check_from_other_threads_sees_the_expiry() {
    let alarm = after(20 * MS);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                assert!(checkpoint().is_ok(), "not this thread's alarm");
                assert!(alarm.owns(&expiry(&alarm)));
                assert!(checkpoint().is_ok());
            });
        }
    });
}

fn expired_alarm_stays_expired_while_others_check() {
    let expired = after(Duration::ZERO);
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let alarm = after(Duration::from_micros(3));
                    expiry(&alarm);
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < SECOND {
            for _ in 0..1_000 {
                assert!(expired.check().is_err());
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// No expiry is lost between clearing the flag and reading the clock.
fn checks_of_other_threads_lose_no_expiry() {
    std::thread::scope(|s| {
        for thread in 0..4_u64 {
            s.spawn(move || {
                for n in rounds(2_000) {
                    let limit = Duration::from_nanos((n * 7_919 + thread * 104_729) % 60_000);
                    let began = Instant::now();
                    let alarm = after(limit);
                    let e = loop {
                        if let Err(e) = alarm.check() {
                            break e;
                        }
                        assert!(began.elapsed() < 20 * SECOND, "thread {thread}, try {n}: lost");
                    };
                    assert!(alarm.owns(&e) && began.elapsed() >= limit);
                }
            });
        }
    });
    assert_eq!(process::timer().0, Duration::ZERO);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        inner_alarm_never_hides_an_outer_one,
        an_expired_inner_alarm_does_not_end_the_outer,
        of_two_expired_the_outer_is_reported,
        alarms_dropped_in_any_order_leave_the_rest,
        ten_thousand_alarms_expire_in_order,
        thousand_nested_deadlines_expire_in_order,
        ring_from_another_thread_is_seen,
        check_from_other_threads_sees_the_expiry,
        expired_alarm_stays_expired_while_others_check,
        checks_of_other_threads_lose_no_expiry,
    ]
}
