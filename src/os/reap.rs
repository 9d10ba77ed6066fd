//! Whether a child has ended, and how: [waitid(2)](https://man7.org/linux/man-pages/man2/waitid.2.html).
//!
//! [`child_state`] does not reap the child, so the pid names no other process when the process group is signalled.
//! Pidfds are preferred to pids, because other code may reap the child, and a later process may get the pid.

use std::io;
use std::mem::MaybeUninit;

use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::pidfd::PidFd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChildState<T = ()> {
    /// The child runs, or a tracer has not released it after its end.
    Running,
    Ended(T),
    /// Reaped by other code, or by the kernel because SIGCHLD is ignored.
    Reaped,
}

pub(crate) type Status = (libc::c_int, libc::rusage);

pub(crate) fn child_state(pid: Pid, pidfd: Option<&PidFd>) -> io::Result<ChildState> {
    const OPTIONS: libc::c_int = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    wait(pid, pidfd, |kind, id| {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the pointer is valid. If the kernel writes no siginfo, the zeroes are a valid one.
        let signal = unsafe {
            Errno::result(libc::waitid(kind, id, info.as_mut_ptr(), OPTIONS))?;
            info.assume_init().si_signo
        };
        Ok((signal == libc::SIGCHLD).then_some(()))
    })
}

/// Returns the wait status and the usage of a child that has ended, and reaps it.
pub(crate) fn reap(pid: Pid, pidfd: Option<&PidFd>) -> ChildState<Status> {
    let reaped = match pidfd {
        #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
        Some(_) => wait(pid, pidfd, reap_by_waitid),
        _ => wait(pid, None, |_, _| reap_by_pid(pid)),
    };
    reaped.unwrap_or(ChildState::Reaped)
}

fn wait<T>(
    pid: Pid,
    pidfd: Option<&PidFd>,
    call: impl Fn(libc::idtype_t, libc::id_t) -> nix::Result<Option<T>>,
) -> io::Result<ChildState<T>> {
    let (kind, id) = pidfd.map_or((libc::P_PID, pid.as_raw() as libc::id_t), PidFd::wait_id);
    loop {
        match call(kind, id) {
            Ok(ended) => return Ok(ended.map_or(ChildState::Running, ChildState::Ended)),
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(ChildState::Reaped),
            // Linux 5.3 has pidfds, but its `waitid` accepts only pids.
            Err(Errno::EINVAL) if pidfd.is_some() => return wait(pid, None, call),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Calls the kernel's `waitid`, which also returns the child's `rusage`. On 32-bit systems libc's `rusage` may differ
/// from the kernel's.
#[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
fn reap_by_waitid(kind: libc::idtype_t, id: libc::id_t) -> nix::Result<Option<Status>> {
    const OPTIONS: libc::c_int = libc::WEXITED | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid, and zeroes are valid for both structures. A siginfo of SIGCHLD contains a status.
    let (info, status, usage) = unsafe {
        let (info, usage) = (info.as_mut_ptr(), usage.as_mut_ptr());
        Errno::result(libc::syscall(libc::SYS_waitid, kind, id, info, OPTIONS, usage))?;
        (*info, (*info).si_status(), *usage)
    };
    // `wait4` encodes the status in this way.
    let status = match info.si_code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    Ok((info.si_signo == libc::SIGCHLD).then_some((status, usage)))
}

/// Limit: if other code has reaped the child, the pid may belong to a later child, which this call reaps.
fn reap_by_pid(pid: Pid) -> nix::Result<Option<Status>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid, and zeroes are a valid `rusage`.
    let (reaped, usage) = unsafe {
        let reaped = libc::wait4(pid.as_raw(), &mut status, libc::WNOHANG, usage.as_mut_ptr());
        (reaped, usage.assume_init())
    };
    Ok((Errno::result(reaped)? == pid.as_raw()).then_some((status, usage)))
}
