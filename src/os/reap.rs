//! Whether a child has ended, and how: [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
//!
//! [`child_state`] does not reap the child, so the pid names no other process when the process group is signalled.
//! Pidfds are preferred to pids, because other code may reap the child, and a later process may get the pid.

use std::io;
use std::mem::MaybeUninit;

use nix::libc;
use nix::unistd::Pid;

use super::pidfd::PidFd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildState {
    Running,
    Ended,
    /// Reaped by other code, or by the kernel because SIGCHLD is ignored.
    Reaped,
}

pub(crate) fn child_state(pid: Pid, pidfd: Option<&PidFd>) -> io::Result<ChildState> {
    let (kind, id) = pidfd.map_or((libc::P_PID, pid.as_raw() as libc::id_t), PidFd::wait_id);
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: the pointer is valid. If the kernel writes no siginfo, the zeroes are a valid one.
        let signal = unsafe {
            match libc::waitid(kind, id, info.as_mut_ptr(), libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) {
                0 => Ok((*info.as_ptr()).si_signo),
                _ => Err(io::Error::last_os_error()),
            }
        };
        match signal {
            Ok(libc::SIGCHLD) => return Ok(ChildState::Ended),
            Ok(_) => return Ok(ChildState::Running),
            Err(e) => match e.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ECHILD) => return Ok(ChildState::Reaped),
                // Linux 5.3 has pidfds, but its `waitid` accepts only pids.
                Some(libc::EINVAL) if pidfd.is_some() => return child_state(pid, None),
                _ => return Err(e),
            },
        }
    }
}

pub(crate) enum Reaped {
    Now(libc::c_int, libc::rusage),
    Before,
    /// The child runs, or a tracer has not released it after its end.
    NotYet,
}

pub(crate) fn reap(pid: Pid, pidfd: Option<&PidFd>) -> Reaped {
    loop {
        let reaped = match pidfd {
            #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
            Some(pidfd) => match reap_by_pidfd(pidfd) {
                Err(libc::EINVAL) => reap_by_pid(pid),
                reaped => reaped,
            },
            _ => reap_by_pid(pid),
        };
        match reaped {
            Ok(Some((status, usage))) => return Reaped::Now(status, usage),
            Ok(None) => return Reaped::NotYet,
            Err(libc::EINTR) => {}
            Err(_) => return Reaped::Before,
        }
    }
}

/// Calls the kernel's `waitid`, which also returns the child's `rusage`. On 32-bit systems libc's `rusage` may differ
/// from the kernel's.
#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
fn reap_by_pidfd(pidfd: &PidFd) -> Result<Option<(libc::c_int, libc::rusage)>, libc::c_int> {
    const OPTIONS: libc::c_int = libc::WEXITED | libc::WNOHANG;
    let (kind, id) = pidfd.wait_id();
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid, and zeroes are valid for both structures.
    let (result, info, usage) = unsafe {
        let result =
            libc::syscall(libc::SYS_waitid, kind, id, info.as_mut_ptr(), OPTIONS, usage.as_mut_ptr());
        (result, info.assume_init(), usage.assume_init())
    };
    if result != 0 {
        return Err(nix::errno::Errno::last_raw());
    }
    if info.si_signo != libc::SIGCHLD {
        return Ok(None);
    }
    // SAFETY: a siginfo of SIGCHLD contains a status.
    let status = unsafe { info.si_status() };
    // `wait4` encodes the status in this way.
    let status = match info.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    Ok(Some((status, usage)))
}

/// Limit: if other code has reaped the child, the pid may belong to a later child, which this call reaps.
fn reap_by_pid(pid: Pid) -> Result<Option<(libc::c_int, libc::rusage)>, libc::c_int> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid, and zeroes are a valid `rusage`.
    let (reaped, usage) = unsafe {
        let reaped = libc::wait4(pid.as_raw(), &mut status, libc::WNOHANG, usage.as_mut_ptr());
        (reaped, usage.assume_init())
    };
    match reaped {
        -1 => Err(nix::errno::Errno::last_raw()),
        reaped => Ok((reaped == pid.as_raw()).then_some((status, usage))),
    }
}
