//! The program's timer.

use std::time::{Duration, Instant};

use super::lives;
use crate::support::*;

/// Sets the program's timer. Returns the earliest and the latest moment at which it is due.
fn set_timer(time: Duration, interval: Duration) -> [Instant; 2] {
    let from = Instant::now();
    process::set_timer(time, interval);
    [from + time, Instant::now() + time]
}

/// Asserts that the timer is due at its original time, up to the kernel's rounding. Returns its interval.
fn is_due([from, until]: [Instant; 2]) -> Duration {
    let before = Instant::now();
    let (left, interval) = process::timer();
    let after = Instant::now();
    assert!(before + left <= until + MS && after + left + MS >= from, "{left:?} are left");
    interval
}

fn one_shot_timer_is_restored() {
    process::set_action(process::counting(), 0, &[]);
    let due = set_timer(100 * SECOND, Duration::ZERO);
    lives();
    let alarm = after(50 * MS);
    expiry(&alarm);
    drop(alarm);
    assert_eq!(is_due(due), Duration::ZERO);
    assert_eq!(process::counted(), 0);
}

/// Longer than some kernels accept, and the most that `alarm` accepts.
fn timer_of_decades_is_restored() {
    for (time, interval) in [(u64::from(u32::MAX), 0), (200_000_000, 0), (10, 300_000_000)] {
        let (time, interval) = (Duration::from_secs(time), Duration::from_secs(interval));
        process::set_timer(time, interval);
        let (held, began) = (process::timer(), Instant::now());
        let alarm = after(MS);
        expiry(&alarm);
        drop(alarm);
        let (left, again) = process::timer();
        assert!((left + began.elapsed()).abs_diff(held.0) < 5 * SECOND, "{left:?} of {held:?}");
        assert_eq!(again, held.1);
    }
}

fn periodic_timer_keeps_interval_and_phase() {
    process::set_action(process::counting(), 0, &[]);
    let due = set_timer(100 * SECOND, 3 * SECOND);
    let alarm = after(20 * MS);
    expiry(&alarm);
    drop(alarm);
    assert_eq!(is_due(due), 3 * SECOND);
}

/// A pending expiry would take the restored default action and kill the process.
fn thousands_of_cycles_around_the_expiry_restore() {
    for n in rounds(50_000) {
        let alarm = after(Duration::from_micros(n % 40));
        for _ in 0..n % 300 {
            std::hint::black_box(());
        }
        drop(alarm);
    }
}

/// A second thread could handle the expiry.
fn thousands_of_cycles_beside_a_thread_restore() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        s.spawn(thousands_of_cycles_around_the_expiry_restore).join().expect("no panic");
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        one_shot_timer_is_restored,
        timer_of_decades_is_restored,
        periodic_timer_keeps_interval_and_phase,
        thousands_of_cycles_around_the_expiry_restore,
        thousands_of_cycles_beside_a_thread_restore,
    ]
}
