//! Waiting until a descriptor has something to say, or until a moment.
//!
//! [ppoll(2)](https://man7.org/linux/man-pages/man2/ppoll.2.html), which counts in nanoseconds.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags};

use super::clock;
use crate::time::Time;

/// Waits until one of `fds` is readable or has hung up, or until `until`. Comes back early when a signal
/// arrives; the caller looks for itself, and waits again.
pub(crate) fn wait(fds: &[BorrowedFd<'_>], until: Time) -> io::Result<()> {
    let mut fds: Vec<PollFd<'_>> = fds.iter().map(|&fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
    let time = (!until.is_never()).then(|| clock::until(until));
    match poll(&mut fds, time) {
        Ok(_) | Err(nix::Error::EINTR) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<i32> {
    // A longer wait is done in pieces: not every kernel takes every number of seconds.
    const LONGEST: Duration = Duration::from_secs(100_000_000);
    nix::poll::ppoll(fds, time.map(|time| time.min(LONGEST).into()), None)
}

/// In milliseconds, rounded up: early would be wrong, and would spin.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly")))]
fn poll(fds: &mut [PollFd<'_>], time: Option<Duration>) -> nix::Result<i32> {
    use nix::poll::PollTimeout;

    let timeout = match time {
        None => PollTimeout::NONE,
        Some(time) => {
            let millis = time.as_nanos().div_ceil(1_000_000);
            PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)
        }
    };
    nix::poll::poll(fds, timeout)
}
