//! Channels, condition variables and locks under a limit.

use std::panic::Location;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::alarms::{LATE, MS, after, in_time, never};
use nix::sys::signal::{SigSet, Signal};
use sigalarm::{Alarm, Cause, TimedOut};

#[track_caller]
fn recv<T>(alarm: &Alarm, receiver: &Receiver<T>) -> Result<Result<T, RecvTimeoutError>, TimedOut> {
    alarm.wait_for(|timeout| match receiver.recv_timeout(timeout) {
        Err(RecvTimeoutError::Timeout) => None,
        result => Some(result),
    })
}

fn ends_at_the_deadline<T>(wait: impl FnOnce(&Alarm) -> Result<T, TimedOut>) {
    let alarm = after(35 * MS);
    let Err(e) = wait(&alarm) else { panic!("a wait without a result") };
    assert!(alarm.owns(&e) && e.cause() == Cause::Deadline);
    assert!(e.elapsed() >= 35 * MS);
    in_time(&alarm, 35 * MS);
}

fn ends_at_a_ring<T>(wait: impl FnOnce(&Alarm) -> Result<T, TimedOut>) {
    let alarm = never();
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(35 * MS);
            alarm.ring();
        });
        let Err(e) = wait(&alarm) else { panic!("a wait without a result") };
        assert_eq!(e.cause(), Cause::Rung);
    });
    in_time(&alarm, 35 * MS);
}

#[test]
fn recv_ends_at_the_deadline_and_at_a_ring() {
    let (_sender, receiver) = mpsc::channel::<()>();
    ends_at_the_deadline(|alarm| recv(alarm, &receiver));
    ends_at_a_ring(|alarm| recv(alarm, &receiver));
}

#[test]
fn recv_gets_a_late_message() {
    let (sender, receiver) = mpsc::channel();
    let alarm = after(LATE);
    thread::spawn(move || {
        for n in 0..3 {
            thread::sleep(25 * MS); // longer than a timeout
            sender.send(n).expect("a receiver");
        }
    });
    for n in 0..3 {
        assert_eq!(recv(&alarm, &receiver).expect("in time"), Ok(n));
    }
    assert_eq!(recv(&alarm, &receiver).expect("in time"), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn wait_ends_at_the_deadline_and_at_a_ring() {
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let wait = |alarm: &Alarm| {
        alarm.wait_for(|timeout| {
            let ready = ready.lock().expect("no panic");
            let (ready, _) = changed.wait_timeout_while(ready, timeout, |ready| !*ready).expect("no panic");
            ready.then_some(())
        })
    };
    ends_at_the_deadline(wait);
    ends_at_a_ring(wait);
}

#[test]
fn wait_loses_no_notification() {
    let shared = Arc::new((Mutex::new(0_u32), Condvar::new()));
    let alarm = after(LATE);
    let notifier = thread::spawn({
        let shared = Arc::clone(&shared);
        move || {
            for n in 0..40 {
                thread::sleep(Duration::from_micros(n * 97 % 12_000));
                *shared.0.lock().expect("no panic") += 1;
                shared.1.notify_one();
            }
        }
    });
    let mut seen = 0;
    while seen < 40 {
        seen += alarm
            .wait_for(|timeout| {
                let count = shared.0.lock().expect("no panic");
                let (mut count, _) =
                    shared.1.wait_timeout_while(count, timeout, |count| *count == 0).expect("no panic");
                (*count > 0).then(|| std::mem::take(&mut *count))
            })
            .expect("in time");
    }
    notifier.join().expect("no panic");
}

#[test]
fn lock_ends_at_the_deadline_and_at_a_ring() {
    let table = parking_lot::Mutex::new(0);
    let held = table.lock();
    ends_at_the_deadline(|alarm| alarm.wait_for(|timeout| table.try_lock_for(timeout)));
    ends_at_a_ring(|alarm| alarm.wait_for(|timeout| table.try_lock_for(timeout)));
    drop(held);
    let alarm = after(LATE);
    *alarm.wait_for(|timeout| table.try_lock_for(timeout)).expect("it is free") += 1;
    assert_eq!(*table.lock(), 1);
}

#[test]
fn rwlock_ends_at_the_deadline() {
    let table = parking_lot::RwLock::new(0);
    let held = table.write();
    ends_at_the_deadline(|alarm| alarm.wait_for(|timeout| table.try_read_for(timeout)));
    drop(held);
    let _held = table.read();
    ends_at_a_ring(|alarm| alarm.wait_for(|timeout| table.try_write_for(timeout)));
}

#[test]
fn parking_lot_condvar_ends_at_the_deadline() {
    let (ready, changed) = (parking_lot::Mutex::new(false), parking_lot::Condvar::new());
    let wait = |alarm: &Alarm| {
        let mut locked = ready.lock();
        alarm.wait_for(|timeout| {
            changed.wait_for(&mut locked, timeout);
            locked.then_some(())
        })
    };
    ends_at_the_deadline(wait);
    ends_at_a_ring(wait);
    let alarm = after(LATE);
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(25 * MS);
            *ready.lock() = true;
            changed.notify_one();
        });
        wait(&alarm).expect("in time");
    });
}

#[test]
fn each_timeout_is_short_and_ends_at_the_deadline() {
    let outer = after(100 * MS);
    let deadline = outer.deadline().expect("a deadline");
    let inner = after(Duration::from_secs(60));
    let mut before = Instant::now();
    let e = inner.wait_for(|timeout| {
        let left = deadline.saturating_duration_since(before);
        assert!(timeout <= left.min(10 * MS), "{timeout:?} of {left:?}");
        thread::sleep(timeout);
        before = Instant::now();
        None::<()>
    });
    assert!(outer.owns(&e.unwrap_err()));
}

#[test]
fn expired_alarm_makes_no_attempt() {
    let alarm = after(Duration::ZERO);
    assert!(alarm.wait_for(|_| -> Option<()> { panic!("an attempt") }).is_err());
}

#[test]
fn value_is_returned_though_the_limit_has_passed() {
    let alarm = never();
    let value = alarm.wait_for(|_| {
        alarm.ring();
        Some(42)
    });
    assert_eq!(value.unwrap(), 42);
    assert!(alarm.check().is_err());
}

#[test]
fn enclosing_alarm_ends_the_wait() {
    let (_sender, receiver) = mpsc::channel::<()>();
    let outer = after(20 * MS);
    let inner = never();
    assert!(outer.owns(&recv(&inner, &receiver).expect_err("the outer limit")));
    assert!(outer.elapsed() >= 20 * MS);
}

#[test]
fn wait_works_on_another_thread() {
    let (_sender, receiver) = mpsc::channel::<()>();
    let alarm = after(20 * MS);
    thread::scope(|s| {
        let alarm = &alarm;
        let waits = s.spawn(move || recv(alarm, &receiver).expect_err("the limit"));
        assert!(alarm.owns(&waits.join().expect("no panic")));
    });
}

#[test]
fn wait_ends_with_the_signal_blocked() {
    let (_sender, receiver) = mpsc::channel::<()>();
    let alarm = after(20 * MS);
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGALRM);
    mask.thread_block().expect("a mask");
    assert!(recv(&alarm, &receiver).is_err());
    in_time(&alarm, 20 * MS);
    mask.thread_unblock().expect("a mask");
}

#[test]
fn error_names_the_line_of_the_call() {
    let alarm = after(Duration::ZERO);
    let (e, line) = (alarm.wait_for(|_| None::<()>).unwrap_err(), Location::caller());
    assert_eq!((e.location().file(), e.location().line()), (line.file(), line.line()));
}

#[test]
fn panic_propagates() {
    let alarm = after(LATE);
    let attempt = || alarm.wait_for(|_| -> Option<()> { panic!("in an attempt") });
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(attempt)).is_err());
    assert!(alarm.check().is_ok());
}
