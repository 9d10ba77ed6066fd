//! The interval timer: [setitimer(2)](https://man7.org/linux/man-pages/man2/setitimer.2.html). `exec` preserves the
//! timer, but a forked child does not inherit it. `alarm(2)` sets the same timer.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
#[cfg(not(target_os = "android"))]
use nix::libc::ITIMER_REAL;

/// From <linux/time.h>.
#[cfg(target_os = "android")]
const ITIMER_REAL: libc::c_int = 0;

pub(crate) use super::setting::Setting;

#[inline(always)]
pub(crate) fn set(setting: Setting) -> io::Result<Setting> {
    let new =
        libc::itimerval { it_value: timeval(setting.remaining), it_interval: timeval(setting.interval) };
    // SAFETY: both pointers are valid.
    read(|old| unsafe { libc::setitimer(ITIMER_REAL, &new, old) })
}

pub(crate) fn get() -> io::Result<Setting> {
    // SAFETY: the pointer is valid.
    read(|held| unsafe { libc::getitimer(ITIMER_REAL, held) })
}

#[inline(always)]
fn read(call: impl FnOnce(*mut libc::itimerval) -> libc::c_int) -> io::Result<Setting> {
    let mut held = MaybeUninit::zeroed();
    Errno::result(call(held.as_mut_ptr()))?;
    // SAFETY: zeroes are a valid value.
    let held: libc::itimerval = unsafe { held.assume_init() };
    let duration = |t: libc::timeval| match (u64::try_from(t.tv_sec), u32::try_from(t.tv_usec)) {
        (Ok(secs), Ok(micros @ 0..1_000_000)) => Duration::new(secs, micros * 1_000),
        _ => Duration::ZERO,
    };
    Ok(Setting { remaining: duration(held.it_value), interval: duration(held.it_interval) })
}

fn timeval(d: Duration) -> libc::timeval {
    libc::timeval { tv_sec: d.as_secs() as _, tv_usec: d.subsec_micros() as _ }
}
