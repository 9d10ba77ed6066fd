//! A fork and the changes to the child's process.

use std::io;

#[cfg(any(target_os = "linux", target_os = "android"))]
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

use super::alone::Alone;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;
use super::posix_timer::ThreadId;

/// Returns `None` in the child, which must call [`exit`] and never return to the program's code.
#[inline]
pub(crate) fn fork(_: Alone) -> io::Result<Option<Pid>> {
    // SAFETY: an `Alone` proves that no other thread exists, or that the child depends on none.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        child => Ok(Some(Pid::from_raw(child))),
    }
}

#[inline]
pub(crate) fn exit(code: i32) -> ! {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call touches no memory.
    let _ = unsafe { kernel_call(libc::SYS_exit_group, [code as usize, 0, 0, 0]) };
    super::exit::exit(code)
}

#[inline]
pub(crate) fn this() -> Pid {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call touches no memory.
    return Pid::from_raw(
        unsafe { kernel_call(libc::SYS_getpid, [0; 4]) }.map_or(0, |pid| pid as libc::pid_t),
    );
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    Pid::this()
}

#[inline]
pub(crate) fn lead_group() -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call touches no memory.
    unsafe { kernel_call(libc::SYS_setpgid, [0; 4]) }?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    nix::unistd::setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    Ok(())
}

/// Makes the kernel kill this child when the thread that forked it ends:
/// [PR_SET_PDEATHSIG](https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html).
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
pub(crate) fn die_with(parent: Pid, thread: Option<ThreadId>) -> io::Result<()> {
    let set = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0];
    // SAFETY: the call touches no memory.
    unsafe { kernel_call(libc::SYS_prctl, set) }?;
    // If the parent ended before `prctl`, the kernel sends no signal. `getppid` returns 0 for a parent in another PID
    // namespace.
    // SAFETY: the call touches no memory.
    let now = unsafe { kernel_call(libc::SYS_getppid, [0; 4]) }?;
    if now != parent.as_raw() as usize && now != 0 {
        exit(libc::EXIT_FAILURE);
    }

    if let Some(thread) = thread.filter(|_| now != 0) {
        let nothing = [now, thread.0 as usize, 0, 0];
        // SAFETY: signal 0 has no effect.
        if unsafe { kernel_call(libc::SYS_tgkill, nothing) } == Err(Errno::ESRCH) {
            exit(libc::EXIT_FAILURE);
        }
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn die_with(_: Pid, _: Option<ThreadId>) -> io::Result<()> {
    Ok(())
}
