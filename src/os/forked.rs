//! A forked child: the fork, what the child changes about itself, and its exit.
//!
//! See [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::unistd::Pid;

use super::alone::Alone;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

/// Which process a fork returned in.
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. The child must end in [`exit`] and never return past the caller: what the parent was about to do would be done
/// twice.
#[inline]
pub(crate) fn fork(_: Alone) -> io::Result<Side> {
    // SAFETY: the child may run any code, since this thread is the only one, or since the caller of `spawn_unchecked` has
    // promised that the code is fit for the child of a process with threads (see `Alone`).
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Side::Child),
        child => Ok(Side::Parent(Pid::from_raw(child))),
    }
}

/// The id of this process.
#[inline]
pub(crate) fn this() -> Pid {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: it takes nothing and touches no memory.
    return Pid::from_raw(
        unsafe { kernel_call(libc::SYS_getpid, [0; 4]) }.map_or(0, |pid| pid as libc::pid_t),
    );
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    Pid::this()
}

/// Has this process lead a process group of its own.
#[inline]
pub(crate) fn lead_group() -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: it takes two numbers and touches no memory.
    unsafe { kernel_call(libc::SYS_setpgid, [0; 4]) }?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    Ok(())
}

/// Ends the process at once, without destructors, `atexit` functions and flushes.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: it touches no memory and does not return.
    unsafe { libc::_exit(code) }
}

/// Has the kernel kill this process when `parent` ends, also if it ended before the call.
///
/// [PR_SET_PDEATHSIG](https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html): it is the parent's
/// *thread* whose end counts, the one that forked.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    let set = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0];
    // SAFETY: it takes two numbers and touches no memory.
    unsafe { kernel_call(libc::SYS_prctl, set) }?;
    // The parent may have ended before the call; then no signal comes. A parent outside of this process's PID namespace
    // reads as zero, whether it lives or not.
    // SAFETY: it takes nothing and touches no memory.
    let now = unsafe { kernel_call(libc::SYS_getppid, [0; 4]) }?;
    if now != parent.as_raw() as usize && now != 0 {
        exit(libc::EXIT_FAILURE);
    }
    Ok(())
}

/// Does nothing: this system has no such signal.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn die_with(_: Pid) -> io::Result<()> {
    Ok(())
}

/// Makes `stream` (1 or 2) a copy of `to`; it survives an `exec`.
pub(crate) fn redirect(stream: RawFd, to: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `to` is open. The standard streams have no owner, so none loses its descriptor.
    match unsafe { libc::dup2(to.as_raw_fd(), stream) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
