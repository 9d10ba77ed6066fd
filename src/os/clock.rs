//! The monotonic clock and processor clocks. Reads are async-signal-safe.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use nix::libc;
use nix::time::ClockId;
use once_cell::race::OnceBox;

use crate::time::{CpuClock, Time};

/// Reads CLOCK_MONOTONIC, which on Linux stops during suspend.
pub(crate) fn now() -> Time {
    read(|ts| {
        // SAFETY: the pointer is valid.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, ts) };
    })
}

/// Reads CLOCK_MONOTONIC by a system call. Do not compare its times with those of [`now`], which libfaketime changes.
#[cfg(feature = "process")]
#[inline]
pub(crate) fn kernel_now() -> Time {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
    return read(|ts| {
        let arguments = [libc::CLOCK_MONOTONIC as usize, ts as usize, 0, 0];
        // SAFETY: the pointer is valid. With 64-bit pointers, the C library and the kernel have the same `timespec`.
        let _ = unsafe { super::kernel_call::kernel_call(libc::SYS_clock_gettime, arguments) };
    });
    #[cfg(not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64")))]
    now()
}

#[inline(always)]
fn read(call: impl FnOnce(*mut libc::timespec)) -> Time {
    let mut ts = MaybeUninit::zeroed();
    call(ts.as_mut_ptr());
    // SAFETY: zeroes are a valid `timespec`.
    time(unsafe { ts.assume_init() })
}

fn time(ts: libc::timespec) -> Time {
    Time::from_nanos(ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64)
}

pub(crate) const PROCESS_CPU: CpuClock = CpuClock(libc::CLOCK_PROCESS_CPUTIME_ID as _);

#[allow(unreachable_code)]
pub(crate) fn thread_cpu() -> io::Result<CpuClock> {
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
    {
        let mut clock: libc::clockid_t = 0;
        // SAFETY: the thread exists, and the pointer is valid.
        return match unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) } {
            0 => Ok(CpuClock(clock as _)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        };
    }
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn cpu_now(clock: CpuClock) -> Option<Time> {
    let ts = ClockId::from_raw(clock.0 as _).now().ok()?;
    Some(time(*ts.as_ref()))
}

/// Returns one moment as an `Instant` and a `Time`. The `Instant` is read first, so the `Time` is slightly later, and
/// no result of [`from_instant`] is too early.
fn anchor() -> (Instant, Time) {
    // Unlike `OnceLock`, `OnceBox` never waits for an initialising thread, which a forked child may lack.
    static ANCHOR: OnceBox<(Instant, Time)> = OnceBox::new();
    *ANCHOR.get_or_init(|| Box::new((Instant::now(), now())))
}

pub(crate) fn from_instant(instant: Instant) -> Time {
    let (origin, at) = anchor();
    match instant.checked_duration_since(origin) {
        Some(ahead) => at.after(ahead),
        None => at.before(origin.saturating_duration_since(instant)),
    }
}

pub(crate) fn to_instant(time: Time) -> Option<Instant> {
    let (origin, at) = anchor();
    if time.is_never() {
        None
    } else if time >= at {
        origin.checked_add(time.since(at))
    } else {
        origin.checked_sub(at.since(time))
    }
}

pub(crate) fn until(time: Time) -> Duration {
    time.since(now())
}
