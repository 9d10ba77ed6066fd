//! Timers by which a forked child ends itself:
//! [timer_create(2)](https://man7.org/linux/man-pages/man2/timer_create.2.html). The child creates them after the fork,
//! because a fork copies no timers. An `exec` deletes them. Linux only.
//!
//! The system calls are raw, because libfaketime and similar libraries replace the C library's functions.

use std::io;
use std::time::Duration;

use nix::libc;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

#[derive(Clone, Copy, Debug)]
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) struct ChildTimer(libc::c_int);

#[derive(Clone, Copy, Debug)]
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) enum ChildTimer {}

#[cfg(any(target_os = "linux", target_os = "android"))]
impl ChildTimer {
    pub(crate) fn start(
        signal: libc::c_int,
        clock: libc::clockid_t,
        after: Duration,
    ) -> io::Result<ChildTimer> {
        use std::mem::MaybeUninit;

        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        let mut timer = ChildTimer(0);
        // SAFETY: zeroes are a valid kernel `sigevent`. Both pointers are valid.
        unsafe {
            (*event.as_mut_ptr()).sigev_notify = libc::SIGEV_SIGNAL;
            (*event.as_mut_ptr()).sigev_signo = signal;
            let (event, id) = (event.as_mut_ptr() as usize, &raw mut timer.0 as usize);
            kernel_call(libc::SYS_timer_create, [clock as usize, event, id, 0])?;
        }
        timer.set(after.max(Duration::from_nanos(1)))?;
        Ok(timer)
    }

    pub(crate) fn stop(self) {
        let _ = self.set(Duration::ZERO);
    }

    fn set(self, after: Duration) -> nix::Result<()> {
        let seconds = libc::c_long::try_from(after.as_secs()).unwrap_or(libc::c_long::MAX);
        let spec = [0, 0, seconds, after.subsec_nanos() as libc::c_long];
        let arguments = [self.0 as usize, 0, spec.as_ptr() as usize, 0];
        // SAFETY: `spec` is valid, and laid out as an `itimerspec`: the interval, then the value.
        unsafe { kernel_call(libc::SYS_timer_settime, arguments) }.map(drop)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl ChildTimer {
    pub(crate) fn start(_: libc::c_int, _: libc::clockid_t, _: Duration) -> io::Result<ChildTimer> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn stop(self) {
        match self {}
    }
}
