//! A second implementation beside `sigalarm`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sigalarm::Alarm;
use sigalarm::testing;
use sigalarm_core::{AlarmId, Cause, TimedOut, checkpoint};

mod toy;

const MS: Duration = Duration::from_millis(1);

fn until_error(check: impl Fn() -> Result<(), TimedOut>) -> TimedOut {
    let began = Instant::now();
    loop {
        match check() {
            Err(timed_out) => return timed_out,
            Ok(()) => assert!(began.elapsed() < 30_000 * MS, "no error"),
        }
    }
}

fn expired() -> Option<AlarmId> {
    checkpoint().err().map(|timed_out| timed_out.alarm())
}

#[test]
fn a_limit_ends_a_loop_and_never_early() {
    assert_eq!(checkpoint(), Ok(()));
    for limit in [Duration::ZERO, MS, 20 * MS] {
        let began = Instant::now();
        let guard = toy::after(limit);
        let (line, timed_out) = (line!(), until_error(|| checkpoint()));
        assert!(began.elapsed() >= limit && timed_out.elapsed() >= limit, "early: {timed_out}");
        assert_eq!((timed_out.alarm(), timed_out.cause()), (guard.0, Cause::Deadline));
        assert_eq!((timed_out.location().file(), timed_out.location().line()), (file!(), line));
        assert!(checkpoint().is_err(), "an expired limit persists");
        drop(guard);
        assert_eq!(checkpoint(), Ok(()));
    }
}

#[test]
fn closure_has_the_location_of_its_call() {
    let _limit = toy::after(Duration::ZERO);
    until_error(|| checkpoint());
    let place = |e: TimedOut| (e.location().file().to_owned(), e.location().line());
    let call = |check: &dyn Fn() -> Result<(), TimedOut>| place(check().unwrap_err());
    assert_eq!(call(&|| checkpoint()), (file!().to_owned(), line!()));
    assert_ne!(call(&checkpoint).0, file!());
}

#[test]
fn check_on_another_thread_ignores_that_threads_limits() {
    let (armed, is_armed) = mpsc::channel();
    let (send_alarm, alarm) = mpsc::channel::<&Alarm>();
    thread::scope(|s| {
        let elsewhere = s.spawn(move || {
            // This limit is older than the alarm, but on another thread.
            let _there = toy::after(Duration::ZERO);
            until_error(|| checkpoint());
            armed.send(()).unwrap();
            let checked = alarm.recv().unwrap().check();
            assert_eq!(checked, Ok(()));
        });
        is_armed.recv().unwrap();
        let alarm = Box::leak(Box::new(Alarm::never().unwrap()));
        send_alarm.send(alarm).unwrap();
        elsewhere.join().unwrap();
    });
}

#[test]
fn checks_are_counted_while_another_implementation_expires() {
    let toy = toy::after(Duration::ZERO);
    until_error(|| checkpoint());
    let counting = testing::at_check(3);
    assert!((0..5).all(|_| expired() == Some(toy.0)));
    assert_eq!(counting.checks(), 5);
    assert_eq!(counting.check().unwrap_err().alarm(), toy.0, "the limit encloses the test alarm");
    drop(toy);
    assert_eq!(expired(), Some(counting.id()));
}

#[test]
fn every_implementation_is_called_before_an_error() {
    let alarm = Alarm::never().unwrap();
    drop(toy::after(Duration::ZERO));
    alarm.ring();
    let before = toy::ERRORS.get();
    assert!(checkpoint().is_err() && alarm.check().is_err());
    assert_eq!(toy::ERRORS.get(), before + 2);
    // The library's own `before_error` ends a function that ignores its stop.
    drop(alarm);
    let stop = testing::at_check(1).patience(0);
    assert!(stop.check().is_err());
    assert!(panic::catch_unwind(AssertUnwindSafe(|| stop.check())).is_err());
}

#[test]
fn signals_have_the_names_that_an_implementation_gives() {
    let _registers = Alarm::never().unwrap();
    assert_eq!(Cause::Signal(2).to_string(), "was interrupted by SIGINT");
    assert_eq!(Cause::Signal(1_000).to_string(), "was interrupted by signal 1000");
}
