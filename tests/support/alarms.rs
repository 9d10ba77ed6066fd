//! Alarms and waits that most scenarios need.

use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use sigalarm::{Alarm, AlarmBuilder, TimedOut};

pub const US: Duration = Duration::from_micros(1);
pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

/// The most that anything may be late. A loaded machine needs seconds.
pub const LATE: Duration = Duration::from_secs(30);

#[track_caller]
pub fn arm(builder: AlarmBuilder) -> Alarm {
    builder.arm().expect("arming")
}

#[track_caller]
pub fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

#[track_caller]
pub fn never() -> Alarm {
    Alarm::never().expect("arming")
}

/// Checks until the alarm errs.
#[track_caller]
pub fn expiry(alarm: &Alarm) -> TimedOut {
    expiry_by(|| alarm.check())
}

/// The same by another check.
#[track_caller]
pub fn expiry_by(mut check: impl FnMut() -> Result<(), TimedOut>) -> TimedOut {
    let began = Instant::now();
    loop {
        // The clock is read rarely, so that checks meet the signal.
        if let Some(timed_out) = (0..1_000).find_map(|_| check().err()) {
            return timed_out;
        }
        assert!(began.elapsed() < LATE, "the expiry is lost");
    }
}

/// Checks until the alarm errs, which must not be early.
#[track_caller]
pub fn expires(alarm: &Alarm, limit: Duration) -> TimedOut {
    let timed_out = expiry(alarm);
    assert!(timed_out.elapsed() >= limit, "early: {timed_out}");
    timed_out
}

/// Asserts that the alarm is at or past its limit, by seconds at the most.
#[track_caller]
pub fn in_time(alarm: &Alarm, limit: Duration) {
    let took = alarm.elapsed();
    assert!(took >= limit && took < limit + LATE, "{took:?} for {limit:?}");
}

/// Spins without a check.
pub fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
}

/// Spins without a check, for ever.
pub fn hang() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[track_caller]
pub fn spin_until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LATE, "never came");
        std::hint::spin_loop();
    }
}

/// The processor time of this process.
pub fn cpu_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock").into()
}

/// The `TimedOut` inside an error of a blocking call.
#[track_caller]
pub fn inside(e: &io::Error) -> &TimedOut {
    assert_eq!(e.kind(), ErrorKind::TimedOut, "{e}");
    TimedOut::find_in(e).expect("a TimedOut inside")
}

pub fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a pair")
}
