//! The monotonic clock, as [`Time`] inside and as [`Instant`] outside.
//!
//! [clock_gettime(2)](https://man7.org/linux/man-pages/man2/clock_gettime.2.html) is on the list of
//! async-signal-safe functions, so the handler may read it too.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use nix::libc;
use once_cell::race::OnceBox;

use crate::time::{CpuClock, Time};

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

/// CLOCK_MONOTONIC as the kernel shows it, past a preloaded library that changes the clocks.
///
/// Under libfaketime [`now`] may stand still. A moment of one clock means nothing on the other.
#[cfg(all(
    feature = "process",
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64"
))]
pub(crate) fn kernel_now() -> Time {
    let mut ts = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the pointer is valid for the call, whose `timespec` is the C library's where pointers have 64 bits. Zeroes
    // are a value of it.
    let ts = unsafe {
        libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, ts.as_mut_ptr());
        ts.assume_init()
    };
    Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

#[cfg(all(
    feature = "process",
    not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))
))]
pub(crate) fn kernel_now() -> Time {
    now()
}

/// The clock of the processor time of this process, all its threads together.
pub(crate) const PROCESS_CPU: CpuClock = CpuClock(libc::CLOCK_PROCESS_CPUTIME_ID as _);

/// The clock of the calling thread's processor time, which other threads can read as well.
///
/// See [pthread_getcpuclockid(3)](https://man7.org/linux/man-pages/man3/pthread_getcpuclockid.3.html).
pub(crate) fn thread_cpu() -> io::Result<CpuClock> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
    {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: the thread lives, for it is this one, and the pointer is valid for the length of the call.
        match unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) } {
            0 => Ok(CpuClock(clock as _)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
    // Apple's systems have none; NetBSD's and OpenBSD's is not in libc.
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly"
    )))]
    Err(io::ErrorKind::Unsupported.into())
}

/// What a processor clock shows; `None` if it is gone with its thread.
pub(crate) fn cpu_now(clock: CpuClock) -> Option<Time> {
    let mut ts = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for the length of the call; `ts` is written whenever it returns 0.
    unsafe {
        if libc::clock_gettime(clock.0 as _, ts.as_mut_ptr()) != 0 {
            return None;
        }
        let ts = ts.assume_init();
        Some(Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64))
    }
}

/// One moment read on both clocks, the `Instant` first: `at` is never earlier than `instant`, so a deadline
/// given as an `Instant` is never moved forward by the translation, and translating it back gives the same
/// `Instant`.
struct Anchor {
    instant: Instant,
    at: Time,
}

fn anchor() -> &'static Anchor {
    // Of several threads at once the first to be ready decides. None waits for another, which in a forked child may not
    // be there.
    static ANCHOR: OnceBox<Anchor> = OnceBox::new();
    ANCHOR.get_or_init(|| {
        let instant = Instant::now();
        Box::new(Anchor { instant, at: now() })
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
        for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
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
