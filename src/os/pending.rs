//! A SIGALRM that is under way: sent, and not yet handled.

use std::io;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What [`take`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Who cannot look finds nothing.
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), allow(dead_code))]
pub(crate) enum Taken {
    Nothing,
    /// A ring of the kernel's timer.
    Timers,
    /// Sent by this process. Where a signal to this very thread waits, it is that: a thread gets its own first.
    FromHere,
    /// Somebody else's message: the caller owes it a [`resend`].
    Sent,
}

/// Whether this process sent it, to a thread or to all: glibc's `sigtimedwait` gives both the same code.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn sent_from_here(info: &nix::libc::siginfo_t) -> bool {
    // SAFETY: a signal of this code has a sender.
    info.si_code == nix::libc::SI_USER && unsafe { info.si_pid() } == Pid::this().as_raw()
}

/// Takes the SIGALRM, if any, that waits for this process to handle it.
///
/// [sigtimedwait(2)](https://man7.org/linux/man-pages/man2/sigtimedwait.2.html) with no time to wait. The
/// kernel queues the timer's signal for the whole process and each signal at most once, so one call empties
/// the queue, also when some other thread was to have handled it.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn take() -> io::Result<Taken> {
    use nix::libc;
    use std::mem::MaybeUninit;

    let mut only = MaybeUninit::<libc::sigset_t>::uninit();
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let no_time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY:
    // - `only` is initialised by `sigemptyset` before it is used;
    // - every pointer is valid for the length of its call;
    // - `info` is zeroed, a valid value, and written when the call returns a signal.
    unsafe {
        libc::sigemptyset(only.as_mut_ptr());
        libc::sigaddset(only.as_mut_ptr(), libc::SIGALRM);
        if libc::sigtimedwait(only.as_ptr(), info.as_mut_ptr(), &no_time) == libc::SIGALRM {
            let info = info.assume_init_ref();
            return Ok(if super::handler::sent_by_timer(info) {
                Taken::Timers
            } else if super::handler::sent_to_thread(info) || sent_from_here(info) {
                Taken::FromHere
            } else {
                Taken::Sent
            });
        }
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        // Nothing was waiting; or another signal's handler ran while we looked, and nothing was waiting.
        Some(libc::EAGAIN | libc::EINTR) => Ok(Taken::Nothing),
        _ => Err(error),
    }
}

/// Where there is no `sigtimedwait`: to ignore a signal for a moment discards what waits of it. (A `kill` in
/// that moment is lost with it; it is the price of a system that cannot look.)
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn take() -> io::Result<Taken> {
    use super::disposition::Disposition;

    let ours = Disposition::IGNORE.install()?;
    ours.install()?;
    Ok(Taken::Nothing)
}

/// Sends SIGALRM to this process, for one that was kept or taken on its way to its owner.
pub(crate) fn resend() {
    // Fails for a signal or a process that does not exist, and for one that is not ours to signal.
    let _ = kill(Pid::this(), Signal::SIGALRM);
}

/// The same for another signal.
pub(crate) fn resend_signal(number: usize) {
    if let Ok(signal) = Signal::try_from(number as i32) {
        let _ = kill(Pid::this(), signal);
    }
}
