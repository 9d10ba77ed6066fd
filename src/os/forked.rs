//! A forked child: the fork, what the child changes about itself, and its exit.
//!
//! See [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::unistd::{ForkResult, Pid};

use super::alone::Alone;

/// Which process a fork returned in.
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. The child must end in [`exit`] and never return past the caller: what the parent was about to do would be done
/// twice.
pub(crate) fn fork(_: Alone) -> io::Result<Side> {
    // SAFETY: the child may run any code, since this thread is the only one, or since the caller of `spawn_unchecked` has
    // promised that the code is fit for the child of a process with threads (see `Alone`).
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Side::Parent(child)),
        ForkResult::Child => Ok(Side::Child),
    }
}

/// Ends the process at once, without destructors, `atexit` functions and flushes.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: it touches no memory and does not return.
    unsafe { libc::_exit(code) }
}

/// Flushes the streams of the C library: before a fork, so that the child does not write their contents again; before
/// [`exit`], so that they are not lost.
pub(crate) fn flush_c_streams() {
    // SAFETY: null means every stream, each of which the C library locks while it writes.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Has the kernel kill this process when `parent` ends, also if it ended before the call.
///
/// [PR_SET_PDEATHSIG](https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html): it is the parent's
/// *thread* whose end counts, the one that forked.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    // SAFETY: it takes a number and touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have ended before the call; then no signal comes. A parent outside of this process's PID namespace
    // reads as zero, whether it lives or not.
    let now = nix::unistd::getppid();
    if now != parent && now.as_raw() != 0 {
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
