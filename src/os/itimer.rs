//! The interval timer of the process: [setitimer(2)](https://man7.org/linux/man-pages/man2/setitimer.2.html).
//!
//! ITIMER_REAL sends SIGALRM to the process. `exec` preserves it, `fork` does not. `alarm(2)` uses it too.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::libc;
#[cfg(not(target_os = "android"))]
use nix::libc::ITIMER_REAL;

/// From <linux/time.h>.
#[cfg(target_os = "android")]
const ITIMER_REAL: libc::c_int = 0;

pub(crate) use super::setting::Setting;

/// Sets the timer and returns the previous setting, atomically. Rounds up, because zero disarms.
#[inline(always)]
pub(crate) fn set(setting: Setting) -> io::Result<Setting> {
    let Setting { remaining, interval } = setting.in_micros();
    let new = libc::itimerval { it_value: timeval(remaining), it_interval: timeval(interval) };
    let mut old = MaybeUninit::<libc::itimerval>::uninit();
    // SAFETY: both pointers are valid for the call, and `old` is initialised if it returns 0.
    unsafe {
        if libc::setitimer(ITIMER_REAL, &new, old.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(setting_of(old.assume_init()))
    }
}

pub(crate) fn get() -> io::Result<Setting> {
    let mut held = MaybeUninit::<libc::itimerval>::uninit();
    // SAFETY: the pointer is valid for the call, and `held` is initialised if it returns 0.
    unsafe {
        if libc::getitimer(ITIMER_REAL, held.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(setting_of(held.assume_init()))
    }
}

fn timeval(d: Duration) -> libc::timeval {
    // libc deprecates the field types on musl.
    libc::timeval { tv_sec: d.as_secs() as _, tv_usec: d.subsec_micros() as _ }
}

fn setting_of(raw: libc::itimerval) -> Setting {
    let duration = |t: libc::timeval| match (u64::try_from(t.tv_sec), u32::try_from(t.tv_usec)) {
        (Ok(secs), Ok(micros @ 0..1_000_000)) => Duration::new(secs, micros * 1_000),
        _ => Duration::ZERO,
    };
    Setting { remaining: duration(raw.it_value), interval: duration(raw.it_interval) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(remaining: Duration) -> Setting {
        Setting { remaining, interval: Duration::ZERO }
    }

    fn rounded(nanos: u64) -> (libc::time_t, libc::suseconds_t) {
        let t = timeval(setting(Duration::from_nanos(nanos)).in_micros().remaining);
        (t.tv_sec, t.tv_usec)
    }

    #[test]
    fn rounds_up_and_carries() {
        assert_eq!(rounded(0), (0, 0));
        assert_eq!(rounded(1), (0, 1));
        assert_eq!(rounded(1_000), (0, 1));
        assert_eq!(rounded(1_001), (0, 2));
        assert_eq!(rounded(999_999_000), (0, 999_999));
        assert_eq!(rounded(999_999_500), (1, 0));
        assert_eq!(rounded(1_999_999_999), (2, 0));
    }

    #[test]
    fn clamps_what_a_kernel_would_refuse() {
        assert_eq!(setting(Duration::MAX).rounded().remaining.as_secs(), 100_000_000);
        assert_eq!(setting(Duration::MAX).in_micros().remaining, Duration::MAX);
    }
}
