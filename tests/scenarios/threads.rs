//! Alarms on many threads.

use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::SIG_DFL;
use rayon::prelude::*;
use sigalarm::{Alarm, TimedOut, checkpoint};

fn long_function() -> TimedOut {
    loop {
        if let Err(e) = checkpoint() {
            return e;
        }
    }
}

fn thread_sees_its_expiry_while_main_sleeps() {
    let worker = std::thread::spawn(|| {
        let alarm = after(20 * MS);
        assert!(alarm.owns(&long_function()));
        alarm.elapsed()
    });
    let began = Instant::now();
    let took = worker.join().expect("no panic");
    assert!(took >= 20 * MS && began.elapsed() < 10 * SECOND);
    assert_eq!((process::timer().0, process::action().sa_sigaction), (Duration::ZERO, SIG_DFL));
}

fn entered_alarm_expires_on_scoped_threads() {
    let outer = after(30 * MS);
    let alarm = after(10 * SECOND);
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let entered = alarm.enter();
                let inner = after(10 * SECOND);
                let e = inner.check().err().unwrap_or_else(long_function);
                assert!(outer.owns(&e), "what encloses it at home encloses it here");
                assert!(outer.owns(&inner.check().unwrap_err()), "and what is armed inside of it");
                drop(entered);
                assert!(checkpoint().is_ok() && inner.check().is_ok());
            });
        }
    });
}

fn outer_alarm_of_the_entering_thread_comes_first() {
    let alarm = after(10 * SECOND);
    std::thread::scope(|s| {
        s.spawn(|| {
            let own = after(MS);
            let _entered = alarm.enter();
            assert!(own.owns(&long_function()));
            alarm.ring();
            assert!(own.owns(&checkpoint().unwrap_err()), "it was there first");
            drop(own);
            assert!(alarm.owns(&checkpoint().unwrap_err()));
        });
    });
}

fn leaked_entry_ends_with_its_alarm() {
    let alarm = after(Duration::ZERO);
    std::thread::scope(|s| {
        s.spawn(|| {
            std::mem::forget(alarm.enter());
            assert!(checkpoint().is_err());
        });
    });
    std::mem::forget(alarm.enter());
    drop(alarm);
    assert!(checkpoint().is_ok());
    assert!(after(SECOND).check().is_ok());
}

fn entered_alarm_expires_through_rayon() {
    let alarm = after(30 * MS);
    let result: Result<Vec<u64>, TimedOut> = (0..10_000_000_u64)
        .into_par_iter()
        .map(|n| {
            alarm.check()?;
            std::thread::sleep(Duration::from_micros(10));
            Ok(n)
        })
        .collect();
    assert!(alarm.owns(&result.unwrap_err()));
    let result = [1, 2, 3, 4].par_iter().try_for_each(|_| {
        let _entered = alarm.enter();
        checkpoint()
    });
    assert!(alarm.owns(&result.unwrap_err()));
}

fn scopes_do_not_disturb_each_other() {
    std::thread::scope(|s| {
        for thread in 0..6_u32 {
            s.spawn(move || {
                for n in rounds(500).map(|n| n as u32) {
                    let outer = after(MS * (1 + (n + thread) % 3));
                    let inner = after(Duration::from_micros(u64::from(n % 7) * 300));
                    let e = loop {
                        if let Err(e) = inner.check() {
                            break e;
                        }
                    };
                    assert!(outer.owns(&e) || inner.owns(&e));
                    assert!(e.elapsed() >= e.limit().expect("a limit"));
                }
            });
        }
    });
    assert_eq!((process::timer().0, process::action().sa_sigaction), (Duration::ZERO, SIG_DFL));
}

/// The library recognizes its own signal. The default action would end the process.
fn signal_pending_when_a_thread_ends_is_recognized() {
    for n in rounds(20_000) {
        let worker = std::thread::spawn(move || {
            let alarm = after(Duration::from_micros(60));
            let until = Duration::from_nanos(60_000 + n * 37 % 9_000);
            while alarm.elapsed() < until {}
        });
        worker.join().expect("no panic");
        drop(after(SECOND));
    }
    assert_eq!((process::timer().0, process::action().sa_sigaction), (Duration::ZERO, SIG_DFL));
}

fn alarms_entered_on_their_own_thread_are_checked_once() {
    let alarms: Vec<Alarm> = (0..200).map(|_| after(100 * SECOND)).collect();
    let entered: Vec<_> = alarms.iter().map(Alarm::enter).collect();
    let last = after(Duration::ZERO);
    for _ in 0..100 {
        assert!(last.owns(&checkpoint().unwrap_err()));
    }
    drop(entered);
}

/// No signal meets the program's disposition.
fn guard_dropped_after_an_entered_thread_has_slept() {
    for n in rounds(2_000) {
        let alarm = after(Duration::from_micros(200 + n % 300));
        std::thread::scope(|s| {
            s.spawn(|| {
                let _entered = alarm.enter();
                assert!(alarm.sleep(SECOND * 100).is_err());
            });
        });
        drop(alarm);
    }
    assert_eq!((process::timer().0, process::action().sa_sigaction), (Duration::ZERO, SIG_DFL));
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        thread_sees_its_expiry_while_main_sleeps,
        entered_alarm_expires_on_scoped_threads,
        outer_alarm_of_the_entering_thread_comes_first,
        leaked_entry_ends_with_its_alarm,
        entered_alarm_expires_through_rayon,
        scopes_do_not_disturb_each_other,
        signal_pending_when_a_thread_ends_is_recognized,
        alarms_entered_on_their_own_thread_are_checked_once,
        guard_dropped_after_an_entered_thread_has_slept,
    ]
}
