//! Timers that send SIGALRM to one thread:
//! [timer_create(2)](https://man7.org/linux/man-pages/man2/timer_create.2.html).

use std::io;
use std::time::Duration;

pub(crate) use super::setting::TimerId;
use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(pub(super) i32);

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
mod imp {
    use std::{mem, ptr};

    use nix::errno::Errno;
    use nix::libc;
    use nix::sys::time::TimeSpec;

    use super::*;
    use crate::os::clock;

    pub(crate) const SUPPORTED: bool = true;

    impl ThreadId {
        pub(crate) fn current() -> ThreadId {
            #[cfg(not(target_os = "freebsd"))]
            return ThreadId(nix::unistd::gettid().as_raw());
            #[cfg(target_os = "freebsd")]
            // SAFETY: the call takes no arguments.
            return ThreadId(unsafe { libc::pthread_getthreadid_np() });
        }
    }

    impl TimerId {
        pub(crate) fn create(thread: ThreadId, value: usize) -> io::Result<TimerId> {
            #[cfg(target_os = "freebsd")]
            const SIGEV_THREAD_ID: libc::c_int = 4; // <sys/signal.h>
            #[cfg(not(target_os = "freebsd"))]
            use libc::SIGEV_THREAD_ID;
            // SAFETY: zeroes are valid values.
            let (mut event, mut timer): (libc::sigevent, libc::timer_t) = unsafe { mem::zeroed() };
            event.sigev_notify = SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGALRM;
            event.sigev_value = libc::sigval { sival_ptr: ptr::without_provenance_mut(value) };
            event.sigev_notify_thread_id = thread.0;
            // SAFETY: the pointers are valid.
            Errno::result(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) })?;
            Ok(TimerId(timer as usize))
        }

        /// Sets the timer, or disarms it if `due` is `NEVER`. Async-signal-safe.
        pub(crate) fn set(self, due: Time, repeat: Duration) -> io::Result<()> {
            let timespec = |d| *TimeSpec::from_duration(d).as_ref();
            // The timer is set relative to the clock, because libfaketime changes the clock and not the timer. A delay of zero
            // would disarm the timer.
            let delay = || due.since(clock::now()).max(Duration::from_nanos(1));
            let value = if due.is_never() { Duration::ZERO } else { delay() };
            let new = libc::itimerspec { it_interval: timespec(repeat), it_value: timespec(value) };
            // SAFETY: the pointers are valid for the call or null.
            let set = unsafe { libc::timer_settime(self.0 as libc::timer_t, 0, &new, ptr::null_mut()) };
            Ok(Errno::result(set).map(drop)?)
        }

        /// Returns whether the timer has expired. Also returns `true` for a disarmed or periodic timer.
        /// Async-signal-safe.
        pub(crate) fn has_expired(self) -> bool {
            // SAFETY: the pointer is valid, and zeroes are a valid value.
            let held = unsafe {
                let mut held: libc::itimerspec = mem::zeroed();
                libc::timer_gettime(self.0 as libc::timer_t, &mut held);
                held
            };
            let is_zero = |time: libc::timespec| time.tv_sec == 0 && time.tv_nsec == 0;
            is_zero(held.it_value) || !is_zero(held.it_interval)
        }

        pub(crate) fn delete(self) {
            // SAFETY: the call fails for a timer that does not exist.
            unsafe { libc::timer_delete(self.0 as libc::timer_t) };
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
mod imp {
    use super::*;

    pub(crate) const SUPPORTED: bool = false;

    impl ThreadId {
        pub(crate) fn current() -> ThreadId {
            ThreadId(0)
        }
    }

    impl TimerId {
        pub(crate) fn create(_: ThreadId, _: usize) -> io::Result<TimerId> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn set(self, _: Time, _: Duration) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(crate) fn has_expired(self) -> bool {
            false
        }

        pub(crate) fn delete(self) {}
    }
}

pub(crate) use self::imp::SUPPORTED;
