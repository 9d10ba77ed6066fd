//! The monotonic clock and processor clocks. `clock_gettime` is async-signal-safe.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use nix::libc;
use once_cell::race::OnceBox;

use crate::time::{CpuClock, Time};

/// Reads CLOCK_MONOTONIC, which on Linux stops during suspend.
pub(crate) fn now() -> Time {
    let mut ts = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY:
    // - The pointer is valid for the write.
    // - The call fails only for a bad pointer or clock, so it initialises `ts`. A panicking check is not possible in a signal
    //   handler.
    let ts = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, ts.as_mut_ptr());
        ts.assume_init()
    };
    Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

/// Reads CLOCK_MONOTONIC by a system call. Libraries such as libfaketime change [`now`] only, so the two must not be mixed.
#[cfg(all(
    feature = "process",
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64"
))]
pub(crate) fn kernel_now() -> Time {
    let mut ts = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY:
    // - The pointer is valid for the call.
    // - With 64-bit pointers, the kernel's `timespec` is the C library's.
    // - Zeroes are a valid `timespec`.
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

pub(crate) const PROCESS_CPU: CpuClock = CpuClock(libc::CLOCK_PROCESS_CPUTIME_ID as _);

/// Returns the thread's processor clock:
/// [pthread_getcpuclockid(3)](https://man7.org/linux/man-pages/man3/pthread_getcpuclockid.3.html).
pub(crate) fn thread_cpu() -> io::Result<CpuClock> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
    {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: the calling thread exists, and the pointer is valid for the call.
        match unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) } {
            0 => Ok(CpuClock(clock as _)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
    // Missing on Apple, and in libc for NetBSD and OpenBSD.
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "dragonfly"
    )))]
    Err(io::ErrorKind::Unsupported.into())
}

/// Returns `None` after the clock's thread has ended.
pub(crate) fn cpu_now(clock: CpuClock) -> Option<Time> {
    let mut ts = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for the call, and `ts` is initialised if the call returns 0.
    unsafe {
        if libc::clock_gettime(clock.0 as _, ts.as_mut_ptr()) != 0 {
            return None;
        }
        let ts = ts.assume_init();
        Some(Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64))
    }
}

/// One moment on both clocks. `instant` is read first, so a converted deadline is never too early.
struct Anchor {
    instant: Instant,
    at: Time,
}

fn anchor() -> &'static Anchor {
    // `OnceBox` never waits for another thread, which a forked child lacks.
    static ANCHOR: OnceBox<Anchor> = OnceBox::new();
    ANCHOR.get_or_init(|| {
        let instant = Instant::now();
        Box::new(Anchor { instant, at: now() })
    })
}

/// Returns `NEVER` for more than 584 years ahead.
pub(crate) fn from_instant(instant: Instant) -> Time {
    let anchor = anchor();
    match instant.checked_duration_since(anchor.instant) {
        Some(ahead) => anchor.at.after(ahead),
        None => anchor.at.before(anchor.instant.saturating_duration_since(instant)),
    }
}

/// Returns `None` for `NEVER` and beyond `Instant`'s range.
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
    fn instants_out_of_range_give_never_or_none() {
        assert_eq!(to_instant(Time::NEVER), None);
        if let Some(far) = Instant::now().checked_add(Duration::from_secs(600 * 365 * 86_400)) {
            assert_eq!(from_instant(far), Time::NEVER);
        }
        if let Some(past) = Instant::now().checked_sub(Duration::from_secs(1)) {
            assert!(from_instant(past) < now());
        }
    }
}
