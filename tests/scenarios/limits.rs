//! Limits of every size. None expires early.

use std::time::{Duration, Instant};

use crate::support::*;
use sigalarm::{Alarm, Cause, TimedOut, checkpoint, within};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn limit_of_zero_has_expired_when_armed() {
    let alarm = after(Duration::ZERO);
    let e = alarm.check().expect_err("the first check errs");
    assert!(alarm.owns(&e) && alarm.is_expired());
    assert_eq!((e.cause(), e.limit()), (Cause::Deadline, Some(Duration::ZERO)));
    assert_eq!(alarm.remaining(), Some(Duration::ZERO));
    assert_eq!(process::timer().0, Duration::ZERO, "zero is no business of the kernel's");
}

fn past_deadline_has_expired_when_armed() {
    let past = Instant::now().checked_sub(MS).expect("a millisecond after boot");
    let alarm = Alarm::at(past).expect("arming");
    assert!(alarm.check().is_err());
    assert_eq!(alarm.limit(), Some(Duration::ZERO));
    assert_eq!(alarm.deadline(), Some(past));
}

fn deadline_is_kept() {
    let began = Instant::now();
    let deadline = began + 20 * MS;
    let alarm = Alarm::at(deadline).expect("arming");
    assert_eq!(alarm.deadline(), Some(deadline));
    let e = expiry(&alarm);
    assert!(Instant::now() >= deadline);
    assert!(e.limit().expect("a limit") <= 20 * MS && e.elapsed() >= e.limit().expect("a limit"));
}

fn fraction_that_rounds_up_to_a_second_is_armed() {
    // 999,999.5 µs rounds up to a second; `tv_usec = 1_000_000` would be refused.
    let limit = Duration::from_nanos(999_999_500);
    let alarm = after(limit);
    let (left, _) = process::timer();
    assert!(left <= SECOND && left + alarm.elapsed() >= limit, "{left:?}");
    assert!(expiry(&alarm).elapsed() >= limit);
}

fn limit_beyond_the_clock_never_expires() {
    let forever = [
        Alarm::never(),
        Alarm::after(Duration::MAX),
        Alarm::after(Duration::from_nanos(u64::MAX)),
        Alarm::after(1_000 * YEAR),
        Alarm::builder().arm(),
    ];
    for alarm in forever.map(|alarm| alarm.expect("arming")) {
        assert_eq!((alarm.limit(), alarm.deadline(), alarm.remaining()), (None, None, None));
        alarm.restart();
        alarm.extend(Duration::MAX);
        assert_eq!((alarm.limit(), alarm.deadline(), alarm.remaining()), (None, None, None));
        assert!(alarm.check().is_ok());
        alarm.ring();
        let e = alarm.check().expect_err("rung");
        assert_eq!((e.cause(), e.limit()), (Cause::Rung, None));
    }
}

fn centuries_are_clamped_for_the_kernel() {
    let alarm = after(300 * YEAR);
    assert_eq!(alarm.limit(), Some(300 * YEAR));
    let (left, _) = process::timer();
    assert!(left > Duration::from_secs(99_999_999) && left <= Duration::from_secs(100_000_000));
    let far = Alarm::at(Instant::now() + 200 * YEAR).expect("arming");
    assert!(far.remaining().expect("a deadline") > 199 * YEAR);
    if let Some(farther) = Instant::now().checked_add(2_000 * YEAR) {
        assert_eq!(Alarm::at(farther).expect("arming").deadline(), None, "beyond the clock's range: never");
    }
    drop((alarm, far));
    assert_eq!(process::timer().0, Duration::ZERO);
}

fn never_early() {
    for n in rounds(30_000) {
        let limit = Duration::from_nanos(n * 7_919 % 30_000);
        let began = Instant::now();
        let alarm = after(limit);
        let e = expiry(&alarm);
        let took = began.elapsed();
        assert!(took >= limit && e.elapsed() >= limit, "try {n}: {e} after {took:?}");
        assert_eq!(e.cause(), Cause::Deadline);
    }
}

/// Stray signals set the flag, but only the clock decides.
fn stray_signal_is_no_time_out() {
    process::set_action(process::counting(), 0, &[]);
    let alarm = after(200 * MS);
    while alarm.elapsed() < 150 * MS || process::counted() < 100 {
        process::kill_self(nix::libc::SIGALRM);
        assert!(alarm.check().is_ok() || alarm.elapsed() >= 200 * MS);
        assert!(checkpoint().is_ok() || alarm.elapsed() >= 200 * MS);
    }
    assert!(expiry(&alarm).elapsed() >= 200 * MS);
}

fn restart_extend_and_disarm_move_the_deadline() {
    let alarm = after(30 * MS);
    let began = Instant::now();
    while began.elapsed() < 90 * MS {
        alarm.restart();
        // A thread that is preempted for the whole limit times out rightly.
        assert!(alarm.check().is_ok() || alarm.elapsed() >= 30 * MS);
    }
    let e = expiry(&alarm);
    assert!(e.elapsed() >= 30 * MS);

    let began = Instant::now();
    alarm.restart();
    alarm.extend(20 * MS);
    assert_eq!(alarm.limit(), Some(50 * MS));
    let e = expiry(&alarm);
    assert!(began.elapsed() >= 50 * MS && e.elapsed() >= 50 * MS);

    alarm.extend(100 * SECOND);
    assert!(alarm.check().is_ok(), "an expired alarm that gets more time is unexpired");
    alarm.ring();
    assert_eq!(alarm.check().unwrap_err().cause(), Cause::Rung);
    alarm.extend(SECOND);
    assert!(alarm.check().is_err(), "more time does not take back a ring");
    alarm.restart();
    assert!(alarm.check().is_ok(), "a restart does");

    let alarm = after(30 * MS);
    alarm.disarm();
    let began = Instant::now();
    while began.elapsed() < 100 * MS {
        assert!(alarm.check().is_ok());
    }
    alarm.ring();
    assert!(alarm.check().is_err(), "a disarmed alarm can still be rung");
    alarm.disarm();
    assert!(alarm.check().is_ok());
}

/// A disarmed alarm has no deadline to move. A restart uses the old limit.
fn disarmed_alarm_that_is_extended_keeps_its_limit() {
    let alarm = after(30 * MS);
    alarm.disarm();
    alarm.extend(SECOND);
    assert!(alarm.check().is_ok());
    assert_eq!((alarm.limit(), alarm.remaining()), (Some(30 * MS), None));
    alarm.restart();
    assert!(alarm.remaining().is_some(), "it has lost its limit");
    assert!(expiry(&alarm).elapsed() >= 30 * MS);
}

fn past_deadline_moved_by_less_stays_past() {
    let alarm = Alarm::at(Instant::now() - SECOND).expect("arming");
    alarm.extend(SECOND / 2);
    let e = alarm.check().unwrap_err();
    assert_eq!(e.limit(), Some(Duration::ZERO), "no time was left when it was armed");
    alarm.extend(SECOND);
    assert!(alarm.check().is_ok());
    let limit = alarm.limit().expect("a limit");
    assert!(limit <= SECOND / 2, "{limit:?}");
    assert!(expiry(&alarm).elapsed() >= limit);
}

fn extension_does_not_undo_a_ring_after_the_deadline() {
    let alarm = after(Duration::ZERO);
    assert_eq!(alarm.check().unwrap_err().cause(), Cause::Deadline);
    alarm.ring();
    assert_eq!(alarm.check().unwrap_err().cause(), Cause::Deadline, "the first cause counts");
    alarm.extend(100 * SECOND);
    assert_eq!(alarm.check().unwrap_err().cause(), Cause::Rung);
    alarm.restart();
    alarm.extend(100 * SECOND);
    assert!(alarm.check().is_ok(), "a restart takes it back");
    alarm.ring();
    alarm.disarm();
    alarm.restart();
    alarm.extend(100 * SECOND);
    assert!(alarm.check().is_ok(), "and so does disarming it");
}

/// A restart leaves the kernel's timer set, and its signal is stray.
fn million_restarts_cause_no_false_time_out() {
    let alarm = after(5 * MS);
    let mut job = Instant::now();
    for _ in 0..1_000_000 {
        // A preemption for the whole limit makes the time-out right.
        assert!(alarm.check().is_ok() || job.elapsed() >= 5 * MS);
        job = Instant::now();
        alarm.restart();
    }
    let began = Instant::now();
    alarm.restart();
    expiry(&alarm);
    assert!(began.elapsed() >= 5 * MS);
}

fn within_returns_the_value_or_the_time_out() {
    assert_eq!(within(SECOND, |alarm| alarm.limit()).expect("arming"), Some(SECOND));
    let result = within(MS, |_| -> Result<(), TimedOut> {
        loop {
            checkpoint()?;
        }
    });
    assert!(result.expect("arming").unwrap_err().elapsed() >= MS);
    assert_eq!(process::timer().0, Duration::ZERO);
}

fn error_names_alarm_location_and_cause() {
    let alarm = Alarm::builder().after(MS).label("solve").arm().expect("arming");
    expiry(&alarm);
    let (e, line) = (alarm.check().unwrap_err(), line!());
    assert_eq!((e.label(), e.alarm(), e.limit()), (Some("solve"), alarm.id(), Some(MS)));
    assert_eq!((e.location().file(), e.location().line()), (file!(), line));
    let (e, line) = (checkpoint().unwrap_err(), line!());
    assert_eq!((e.location().file(), e.location().line()), (file!(), line));
    let text = e.to_string();
    assert!(
        text.starts_with("solve timed out after ")
            && text.contains("(limit 1 ms) at tests/scenarios/limits.rs:")
    );
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        limit_of_zero_has_expired_when_armed,
        past_deadline_has_expired_when_armed,
        deadline_is_kept,
        fraction_that_rounds_up_to_a_second_is_armed,
        limit_beyond_the_clock_never_expires,
        centuries_are_clamped_for_the_kernel,
        never_early,
        stray_signal_is_no_time_out,
        restart_extend_and_disarm_move_the_deadline,
        disarmed_alarm_that_is_extended_keeps_its_limit,
        past_deadline_moved_by_less_stays_past,
        extension_does_not_undo_a_ring_after_the_deadline,
        million_restarts_cause_no_false_time_out,
        within_returns_the_value_or_the_time_out,
        error_names_alarm_location_and_cause,
    ]
}
