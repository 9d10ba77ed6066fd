//! The monotonic clock, as [`Time`] inside and as [`Instant`] outside.
//!
//! [clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html) is on the list of
//! async-signal-safe functions, so the handler may read it too.

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use nix::libc;
use once_cell::sync::OnceCell;

use crate::time::Time;

/// CLOCK_MONOTONIC: not moved by wall-clock steps; on Linux it stands still while the machine is suspended.
pub(crate) fn now() -> Time {
    let mut ts = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY:
    // - the pointer is valid for writes of a `timespec` for the length of the call;
    // - the call fails for a bad pointer or an unknown clock only. Neither is possible here, so `ts` is
    //   initialised on the next line. (No check that could panic: the signal handler comes through here.)
    let ts = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, ts.as_mut_ptr());
        ts.assume_init()
    };
    Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

/// One moment read on both clocks, the `Instant` first: `at` is never earlier than `instant`, so a deadline
/// given as an `Instant` is never moved forward by the translation, and translating it back gives the same
/// `Instant`.
struct Anchor {
    instant: Instant,
    at: Time,
}

fn anchor() -> &'static Anchor {
    static ANCHOR: OnceCell<Anchor> = OnceCell::new();
    ANCHOR.get_or_init(|| {
        let instant = Instant::now();
        Anchor { instant, at: now() }
    })
}

/// The moment that an `Instant` names. Past the range of the clock (584 years): *never*.
pub(crate) fn from_instant(instant: Instant) -> Time {
    let anchor = anchor();
    match instant.checked_duration_since(anchor.instant) {
        Some(ahead) => anchor.at.after(ahead),
        None => anchor.at.before(anchor.instant.saturating_duration_since(instant)),
    }
}

/// The `Instant` that a moment names; `None` for *never* and for what an `Instant` cannot hold.
pub(crate) fn to_instant(time: Time) -> Option<Instant> {
    let anchor = anchor();
    if time.is_never() {
        None
    } else if time >= anchor.at {
        anchor.instant.checked_add(time.since(anchor.at))
    } else {
        anchor.instant.checked_sub(anchor.at.since(time))
    }
}

/// How long from now until `time`; zero if it has passed.
pub(crate) fn until(time: Time) -> Duration {
    time.since(now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_round_trip() {
        for ahead in [0, 1, 999, 1_000_000_007, 3_600_000_000_000] {
            let instant = Instant::now() + Duration::from_nanos(ahead);
            assert_eq!(to_instant(from_instant(instant)), Some(instant));
        }
    }

    #[test]
    fn an_instant_is_never_translated_early() {
        for _ in 0..10_000 {
            let instant = Instant::now();
            let before = from_instant(instant);
            assert!(now() >= before.before(Duration::from_millis(50)));
            assert!(Instant::now() >= instant);
        }
    }

    #[test]
    fn the_far_ends_are_defined() {
        assert_eq!(to_instant(Time::NEVER), None);
        if let Some(far) = Instant::now().checked_add(Duration::from_secs(600 * 365 * 86_400)) {
            assert_eq!(from_instant(far), Time::NEVER);
        }
        if let Some(past) = Instant::now().checked_sub(Duration::from_secs(1)) {
            assert!(from_instant(past) < now());
        }
    }
}
