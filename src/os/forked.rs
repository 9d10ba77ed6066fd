//! A forked child: its beginning, what it puts right about itself, and its only way out.
//!
//! See [fork(2)](https://man7.org/linux/man-pages/man2/fork.2.html).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::unistd::{ForkResult, Pid};

use super::alone::Alone;

/// Where a fork comes back.
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// Forks. On the child's side the way must end in [`exit`], and never return past the caller: everything that
/// the parent was about to do would be done twice.
pub(crate) fn fork(_: Alone) -> io::Result<Side> {
    // SAFETY: the child may run any code at all, since this thread is the only one; or somebody has vouched
    // that what it runs is fit for a child of several (see `Alone`).
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Side::Parent(child)),
        ForkResult::Child => Ok(Side::Child),
    }
}

/// Ends the process at once: no destructor, no `atexit` function, no buffer of anybody's.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: it touches no memory of ours and does not come back.
    unsafe { libc::_exit(code) }
}

/// Writes out what C code has printed and the C library still holds: before a fork, so that the child cannot
/// write it a second time; before [`exit`], so that it is not lost.
pub(crate) fn flush_c_streams() {
    // SAFETY: null means every stream, each of which the C library locks while it writes.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Sees to it that this process is killed when `parent` is no more, also if that was so before the call.
///
/// [PR_SET_PDEATHSIG](https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html): it is the parent's
/// *thread* whose end counts, the one that forked.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    // SAFETY: it takes a number and touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have died before the call, and then nothing would ever come. A parent outside of this
    // process's PID namespace reads as zero, dead or alive.
    let now = nix::unistd::getppid();
    if now != parent && now.as_raw() != 0 {
        exit(libc::EXIT_FAILURE);
    }
    Ok(())
}

/// There is nothing of the kind here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn die_with(_: Pid) -> io::Result<()> {
    Ok(())
}

/// Makes `stream` (1 or 2) another name for what `to` stands for; it survives an `exec`.
pub(crate) fn redirect(stream: RawFd, to: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `to` is open. That `stream` stands for something else from here on is what every holder of a
    // standard stream must expect; nobody owns it.
    match unsafe { libc::dup2(to.as_raw_fd(), stream) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
