//! The `enough::Stop` adapter of alarms.

use std::thread;
use std::time::{Duration, Instant};

use crate::alarms::{LATE, MS};
use enough::{Stop, StopReason};
use sigalarm::{Alarm, Cause, ThreadAlarms, checkpoint, testing};

fn until_stopped(stop: impl Stop) -> StopReason {
    let began = Instant::now();
    thread::scope(|s| {
        let elsewhere = s.spawn(|| {
            loop {
                if let Err(reason) = stop.check() {
                    return reason;
                }
                assert!(began.elapsed() < LATE, "not stopped");
            }
        });
        elsewhere.join().unwrap()
    })
}

#[test]
fn library_stops_at_the_deadline_on_its_own_threads() {
    let began = Instant::now();
    let alarm = Alarm::after(5 * MS).unwrap();
    assert_eq!(until_stopped(&alarm), StopReason::TimedOut);
    assert!(began.elapsed() >= 5 * MS, "early");
    assert!(alarm.owns(&alarm.check().unwrap_err()), "which says why");
}

#[test]
fn ring_is_a_cancellation() {
    let alarm = Alarm::never().unwrap();
    thread::scope(|s| {
        s.spawn(|| alarm.ring());
        assert_eq!(until_stopped(&alarm), StopReason::Cancelled);
    });
}

#[test]
fn a_handle_stops_a_library_that_keeps_it() {
    let alarm = Alarm::after(5 * MS).unwrap();
    let kept: Box<dyn Stop> = Box::new(alarm.handle());
    let stopped = thread::spawn(move || (until_stopped(&*kept), kept)).join().unwrap();
    assert_eq!(stopped.0, StopReason::TimedOut);
    drop(alarm);
    assert_eq!(stopped.1.check(), Ok(()), "the guard is gone");
}

#[test]
fn each_cause_has_its_reason() {
    for (cause, reason) in [
        (Cause::Deadline, StopReason::TimedOut),
        (Cause::Cpu, StopReason::TimedOut),
        (Cause::Checks, StopReason::TimedOut),
        (Cause::Rung, StopReason::Cancelled),
        (Cause::Signal(2), StopReason::Cancelled),
        (Cause::Stopped, StopReason::Cancelled),
    ] {
        let alarm = testing::at_check(1).cause(cause);
        assert_eq!(Stop::check(&&*alarm), Err(reason), "{cause}");
    }
}

#[test]
fn thread_alarms_belong_to_the_checking_thread() {
    let stop: Box<dyn Stop> = Box::new(ThreadAlarms);
    assert_eq!(stop.check(), Ok(()));
    let _alarm = Alarm::after(Duration::ZERO).unwrap();
    assert_eq!(stop.check(), Err(StopReason::TimedOut));
    assert!(stop.should_stop() && checkpoint().is_err());
    thread::scope(|s| {
        s.spawn(|| assert_eq!(stop.check(), Ok(()))).join().unwrap();
    });
}

#[test]
fn test_kit_counts_checks_of_a_library() {
    let report = testing::each_check(|attempt| {
        let outcome = attempt.run(|alarm| {
            let stop: &dyn Stop = &alarm;
            (0..3).try_for_each(|_| stop.check())
        });
        assert_eq!(outcome.is_err(), attempt.was_stopped());
    });
    assert_eq!(report.checks(), 3);
}
