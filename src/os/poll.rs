//! Waiting for a descriptor, no longer than a given time.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    Readable,
    Writable,
}

/// Waits until the descriptor is ready, in error or hung up, the time is over (`None`: it never is), or a signal
/// has been handled, whichever comes first. Says whether it was the descriptor.
///
/// Without one it just waits. See [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html). A regular
/// file is always ready.
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
    // A descriptor that is not open is reported here, and trying it would be no clearer.
    if fds.iter().any(|fd| fd.revents().is_some_and(|events| events.contains(PollFlags::POLLNVAL))) {
        return Err(Errno::EBADF.into());
    }
    Ok(ready)
}

/// Waits until one of two descriptors is readable or has hung up, the time is over (`None`: it never is), or a signal
/// has been handled. Says which of the two it was.
#[cfg(feature = "process")]
pub(crate) fn wait_either(
    one: Option<BorrowedFd<'_>>,
    other: Option<BorrowedFd<'_>>,
    time: Option<Duration>,
) -> io::Result<(bool, bool)> {
    let on = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let is_ready = |fd: &PollFd<'_>| fd.any().unwrap_or(true);
    // Spelt out, because a list of two would be a reason to allocate.
    let polled = match (one, other) {
        (Some(one), Some(other)) => {
            let mut fds = [on(one), on(other)];
            poll(&mut fds, time).map(|_| (is_ready(&fds[0]), is_ready(&fds[1])))
        }
        (Some(one), None) => {
            let mut fds = [on(one)];
            poll(&mut fds, time).map(|_| (is_ready(&fds[0]), false))
        }
        (None, Some(other)) => {
            let mut fds = [on(other)];
            poll(&mut fds, time).map(|_| (false, is_ready(&fds[0])))
        }
        (None, None) => poll(&mut [], time).map(|_| (false, false)),
    };
    match polled {
        Err(Errno::EINTR) => Ok((false, false)),
        polled => Ok(polled?),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    nix::poll::ppoll(fds, time.map(nix::sys::time::TimeSpec::from_duration), None)
}

/// In milliseconds, rounded up: late by less than one, and the caller asks the clock.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly")))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<nix::libc::c_int> {
    use nix::poll::PollTimeout;

    let millis = |time: Duration| i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    let timeout = time
        .map_or(PollTimeout::NONE, |time| PollTimeout::try_from(millis(time)).unwrap_or(PollTimeout::MAX));
    nix::poll::poll(fds, timeout)
}
