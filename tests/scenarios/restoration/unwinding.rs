//! Panics, destructors, forgotten guards, memory.

use std::time::Duration;

use crate::support::process::state;
use crate::support::*;
use nix::libc::{SA_RESTART, SIGHUP};
use sigalarm::Alarm;

/// Dispositions kept for late signals are stored once, not once a guard.
fn memory_does_not_grow_with_guards() {
    let pages = || {
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        let mut numbers = statm.split(' ').map_while(|number| number.parse::<usize>().ok());
        // Resident pages without those of files, which grow as code runs for the first time.
        Some(numbers.nth(1)?.saturating_sub(numbers.next()?))
    };
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    let cycle = |times: u32| (0..times).for_each(|_| drop(after(SECOND)));
    cycle(1_000);
    let Some(before) = pages() else {
        return println!("skipped: no /proc/self/statm");
    };
    cycle(100_000);
    for _ in 0..10_000 {
        drop(Alarm::builder().after(SECOND).abort_after(SECOND).arm().expect("arming"));
        drop(sigalarm::Ticker::every(SECOND).expect("arming"));
    }
    assert!(pages().expect("as before") < before + 100);
}

fn panic_under_a_guard_restores() {
    let before = state();
    for n in 0..100 {
        let result = std::panic::catch_unwind(|| {
            let alarm = after(Duration::from_micros(n * 10));
            let _inner = after(SECOND);
            if n % 2 == 0 {
                expiry(&alarm);
            }
            panic!("while armed");
        });
        assert!(result.is_err());
        assert_eq!(state(), before);
    }
    expiry(&after(MS));
}

struct ArmsInDrop;

impl Drop for ArmsInDrop {
    fn drop(&mut self) {
        let alarm = after(MS);
        expiry(&alarm);
    }
}

fn alarm_armed_while_unwinding_restores() {
    let before = state();
    let result = std::panic::catch_unwind(|| {
        let _arms = ArmsInDrop;
        let _alarm = after(SECOND);
        panic!("on purpose");
    });
    assert!(result.is_err());
    assert_eq!(state(), before);
}

/// The library's thread-locals still work in the destructor of another.
fn alarm_armed_in_a_thread_local_destructor_works() {
    thread_local!(static LATE: ArmsInDrop = const { ArmsInDrop });
    std::thread::spawn(|| {
        LATE.with(|_| ());
        drop(after(MS));
    })
    .join()
    .expect("no panic");
    assert_eq!(process::timer().0, Duration::ZERO);
}

fn forgotten_guard_does_not_affect_other_threads() {
    std::mem::forget(after(5 * MS));
    let alarm = after(SECOND);
    // The leaked alarm encloses later alarms of its thread.
    let e = loop {
        if let Err(e) = alarm.check() {
            break e;
        }
    };
    assert!(!alarm.owns(&e));
    // Other threads do not see it.
    std::thread::scope(|s| {
        s.spawn(|| {
            let alarm = after(5 * MS);
            assert!(alarm.check().is_ok() || alarm.elapsed() >= 5 * MS);
            expiry(&alarm);
            assert!(alarm.owns(&alarm.check().unwrap_err()));
        });
    });
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        memory_does_not_grow_with_guards,
        panic_under_a_guard_restores,
        alarm_armed_while_unwinding_restores,
        alarm_armed_in_a_thread_local_destructor_works,
        forgotten_guard_does_not_affect_other_threads,
    ]
}
