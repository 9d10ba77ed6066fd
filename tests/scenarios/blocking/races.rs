//! Deadlines, restarts and suspensions at the moment of the wait.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{self};

fn deadline_just_before_the_end_of_a_sleep_comes_first() {
    let missed = rounds(10_000).filter(|round| {
        let alarm = after(Duration::from_nanos(round * 37 % 60_000));
        let deadline = alarm.deadline().expect("a deadline");
        let end = deadline + Duration::from_nanos(100 + round * 71 % 2_000);
        let slept = alarm.sleep(end.saturating_duration_since(Instant::now()));
        // The sleep was not too short.
        slept.is_ok() && Instant::now() >= end && end > deadline
    });
    assert_eq!(missed.count(), 0);
}

fn ten_thousand_races_of_deadline_and_call_end() {
    let (here, _there) = pair();
    for n in rounds(10_000) {
        let limit = Duration::from_nanos(n * 7_919 % 40_000);
        let began = Instant::now();
        let alarm = after(limit);
        for _ in 0..n % 97 {
            std::hint::black_box(());
        }
        let e = alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes");
        assert!(alarm.owns(inside(&e)) && began.elapsed() >= limit);
        assert!(began.elapsed() < LATE, "try {n} took {:?}", began.elapsed());
    }
}

fn ten_thousand_races_on_a_second_thread_end() {
    // The kernel delivers the signal to the main thread, which waits in `join`.
    std::thread::spawn(ten_thousand_races_of_deadline_and_call_end).join().expect("no panic");
    assert_eq!(process::timer().0, Duration::ZERO);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn races_on_four_threads_end() {
    let done = AtomicUsize::new(0);
    std::thread::scope(|s| {
        for thread in 0..4_u64 {
            let done = &done;
            s.spawn(move || {
                let (here, _there) = pair();
                for n in rounds(1_500) {
                    let alarm = after(Duration::from_nanos((n * 7_919 + thread * 104_729) % 60_000));
                    let e = alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes");
                    assert!(alarm.owns(inside(&e)));
                    assert!(alarm.elapsed() < LATE);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 4);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

/// The old timer expires between the thread's check and its wait. The new deadline must still end the wait.
fn restart_before_another_thread_blocks_ends_its_wait() {
    let (here, there) = pair();
    let alarm = after(200 * MS);
    let began = Instant::now();
    alarm.disarm();
    let (about_to_wait, is_about_to_wait) = std::sync::mpsc::channel();
    std::thread::scope(|s| {
        let waiter = s.spawn(|| {
            let mut first = true;
            let read = alarm.blocking(|| {
                if std::mem::take(&mut first) {
                    about_to_wait.send(()).expect("a receiver");
                    while began.elapsed() < 300 * MS {}
                }
                (&here).read(&mut [0; 8])
            });
            inside(&read.expect_err("nothing comes"));
        });
        is_about_to_wait.recv().expect("it is");
        alarm.restart();
        while !waiter.is_finished() && alarm.elapsed() < LATE {
            std::thread::sleep(MS);
        }
        drop(there);
    });
    in_time(&alarm, 200 * MS);
}

/// The blocked thread still gets its own signal.
fn wait_ends_though_a_foreign_timer_expires_with_it() {
    process::count_signals();
    std::thread::spawn(|| {
        let (here, _there) = pair();
        for n in rounds(1_500) {
            process::once(Duration::from_micros(300 + n % 60));
            let alarm = after(Duration::from_micros(280));
            inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
        }
    })
    .join()
    .expect("no panic");
}

/// No signal meets the program's disposition.
fn suspended_beside_waits_lets_no_signal_through() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        for thread in 0..3_u64 {
            let stop = &stop;
            s.spawn(move || {
                let (here, _there) = pair();
                let mut n = thread;
                while !stop.load(Ordering::Relaxed) {
                    let alarm = after(Duration::from_micros(100 + n * 37 % 2_000));
                    inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
                    n += 1;
                }
            });
        }
        for _ in rounds(100_000) {
            sigalarm::suspended(|| ());
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

/// No signal meets the program's disposition, before the first handler either.
fn wait_under_suspension_lets_no_signal_through() {
    let wait = || {
        let (waits, over) = (AtomicBool::new(false), AtomicBool::new(false));
        sigalarm::suspended(|| {
            std::thread::scope(|s| {
                s.spawn(|| {
                    let alarm = after(100 * SECOND);
                    let waited = alarm.blocking(|| {
                        waits.store(true, Ordering::SeqCst);
                        while !over.load(Ordering::SeqCst) {
                            std::thread::yield_now();
                        }
                        Ok(())
                    });
                    waited.expect("nothing has expired");
                });
                while !waits.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                // Expiry signals blocked threads.
                assert!(after(Duration::ZERO).check().is_err());
                over.store(true, Ordering::SeqCst);
            });
        });
        assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
    };
    wait();
    let _alarm = after(100 * SECOND);
    assert_eq!(process::in_child(wait), 0);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        deadline_just_before_the_end_of_a_sleep_comes_first,
        ten_thousand_races_of_deadline_and_call_end,
        ten_thousand_races_on_a_second_thread_end,
        races_on_four_threads_end,
        restart_before_another_thread_blocks_ends_its_wait,
        wait_ends_though_a_foreign_timer_expires_with_it,
        suspended_beside_waits_lets_no_signal_through,
        wait_under_suspension_lets_no_signal_through,
    ]
}
