//! Whether a child has ended, and how.
//!
//! In two steps: [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html) with WNOWAIT looks and leaves
//! the child's pid taken, so that its process group can still be signalled; then
//! [wait4(2)](https://man7.org/linux/man-pages/man2/wait4.2.html) reaps it. Neither waits.

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use nix::libc;
use nix::unistd::Pid;

use super::pidfd::PidFd;

/// How a child is getting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Running, or stopped.
    Alive,
    /// Ended, and still to be reaped.
    Ended,
    /// Ended, and reaped by somebody else; or nobody needed to, because SIGCHLD is ignored.
    Gone,
}

pub(crate) fn look(pid: Pid, pidfd: Option<&PidFd>) -> io::Result<Life> {
    let (kind, id) = pidfd.map_or((libc::P_PID, pid.as_raw() as libc::id_t), PidFd::wait_id);
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the pointer is valid for the call. Zeroes are a value of `siginfo_t`, which is left alone by
        // some systems when there is nothing to tell.
        let signal = unsafe {
            match libc::waitid(kind, id, info.as_mut_ptr(), libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) {
                0 => Ok((*info.as_ptr()).si_signo),
                _ => Err(io::Error::last_os_error()),
            }
        };
        match signal {
            Ok(libc::SIGCHLD) => return Ok(Life::Ended),
            Ok(_) => return Ok(Life::Alive),
            Err(e) => match e.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ECHILD) => return Ok(Life::Gone),
                // Linux 5.3 has pidfds that this call does not know.
                Some(libc::EINVAL) if pidfd.is_some() => return look(pid, None),
                _ => return Err(e),
            },
        }
    }
}

/// Reaps a child that has ended: its wait status and what it used. `None` if somebody else has.
pub(crate) fn reap(pid: Pid) -> Option<(libc::c_int, Consumption)> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are valid for the call; zeroes are a value of `rusage`, which is all integers.
        let (reaped, usage) = unsafe {
            let reaped = libc::wait4(pid.as_raw(), &mut status, libc::WNOHANG, usage.as_mut_ptr());
            (reaped, usage.assume_init())
        };
        if reaped == pid.as_raw() {
            return Some((status, Consumption::from(usage)));
        }
        if !(reaped == -1 && nix::errno::Errno::last_raw() == libc::EINTR) {
            return None;
        }
    }
}

/// What a child used, its own children that it waited for included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consumption {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// The most memory that was resident at one time, in bytes.
    pub(crate) memory: u64,
}

impl From<libc::rusage> for Consumption {
    fn from(raw: libc::rusage) -> Consumption {
        let duration =
            |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
        let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        let memory = u64::try_from(raw.ru_maxrss).unwrap_or(0).saturating_mul(unit);
        Consumption { user: duration(raw.ru_utime), system: duration(raw.ru_stime), memory }
    }
}
