//! Waits for descriptors.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Readable,
    Writable,
}

/// Waits for a descriptor, a timeout or a handled signal: [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).
/// Returns whether the descriptor is ready, in error or hung up.
pub(crate) fn wait(fd: Option<(BorrowedFd<'_>, Readiness)>, time: Option<Duration>) -> io::Result<bool> {
    let mut fds: Vec<PollFd<'_>> = Vec::new();
    if let Some((fd, readiness)) = fd {
        let events = match readiness {
            Readiness::Readable => PollFlags::POLLIN,
            Readiness::Writable => PollFlags::POLLOUT,
        };
        fds.push(PollFd::new(fd, events));
    }
    let ready = match poll(&mut fds, time) {
        Ok(ready) => ready > 0,
        Err(Errno::EINTR) => false,
        Err(errno) => return Err(errno.into()),
    };
    if fds.iter().any(|fd| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLNVAL))) {
        return Err(Errno::EBADF.into());
    }
    Ok(ready)
}

#[cfg(feature = "process")]
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Readable(nix::libc::pollfd);

#[cfg(feature = "process")]
impl Default for Readable {
    fn default() -> Readable {
        Readable::new(None)
    }
}

#[cfg(feature = "process")]
impl Readable {
    pub(crate) fn new(fd: Option<BorrowedFd<'_>>) -> Readable {
        let fd = fd.map_or(-1, |fd| std::os::fd::AsRawFd::as_raw_fd(&fd));
        Readable(nix::libc::pollfd { fd, events: nix::libc::POLLIN, revents: 0 })
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.revents != 0
    }
}

/// As [`wait`], for several descriptors. A timeout or a signal leaves none ready.
#[cfg(feature = "process")]
pub(crate) fn wait_any(fds: &mut [Readable], time: Option<Duration>) -> io::Result<()> {
    match kernel_poll(fds, time) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// A system call: libfaketime and similar libraries change the C library's timeouts.
#[cfg(all(
    feature = "process",
    any(target_os = "linux", target_os = "android"),
    target_pointer_width = "64"
))]
fn kernel_poll(fds: &mut [Readable], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    use std::ptr;

    use nix::libc;

    let time = time.map(nix::sys::time::TimeSpec::from_duration);
    let time = time.as_ref().map_or(ptr::null(), |time| ptr::from_ref::<libc::timespec>(time.as_ref()));
    let mask = ptr::null::<libc::sigset_t>();
    // SAFETY:
    // - `Readable` is a transparent `pollfd`.
    // - The pointers are valid for the call; the mask is null.
    // - With 64-bit pointers, the kernel's `timespec` is the C library's.
    let ready =
        unsafe { libc::syscall(libc::SYS_ppoll, fds.as_mut_ptr(), fds.len(), time, mask, size_of::<u64>()) };
    Errno::result(ready as libc::c_int)
}

#[cfg(all(
    feature = "process",
    not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))
))]
fn kernel_poll(fds: &mut [Readable], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    // SAFETY: `PollFd` and `Readable` are both transparent over `pollfd`.
    let fds = unsafe { &mut *(std::ptr::from_mut(fds) as *mut [PollFd<'_>]) };
    poll(fds, time)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    nix::poll::ppoll(fds, time.map(nix::sys::time::TimeSpec::from_duration), None)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly")))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    use nix::poll::PollTimeout;

    let millis = |time: Duration| i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    let timeout = time
        .map_or(PollTimeout::NONE, |time| PollTimeout::try_from(millis(time)).unwrap_or(PollTimeout::MAX));
    nix::poll::poll(fds, timeout)
}
