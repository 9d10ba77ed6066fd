//! Waits for descriptors: [poll(2)](https://man7.org/linux/man-pages/man2/poll.2.html).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::{self, pollfd};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i16)]
pub(crate) enum Readiness {
    Readable = libc::POLLIN,
    Writable = libc::POLLOUT,
}

/// Waits for a descriptor, a timeout or a handled signal. Returns whether the descriptor is ready or has failed.
pub(crate) fn wait(fd: Option<(BorrowedFd<'_>, Readiness)>, time: Option<Duration>) -> io::Result<bool> {
    let (fd, events) = fd.map_or((-1, 0), |(fd, readiness)| (fd.as_raw_fd(), readiness as i16));
    let mut fds = [pollfd { fd, events, revents: 0 }];
    poll(&mut fds, time, false)?;
    match fds[0].revents {
        revents if revents & libc::POLLNVAL != 0 => Err(Errno::EBADF.into()),
        revents => Ok(revents != 0),
    }
}

/// A descriptor to read from; `None` is never ready. After a wait, `revents` is not zero if it is ready.
#[cfg(feature = "process")]
pub(crate) fn readable(fd: Option<BorrowedFd<'_>>) -> pollfd {
    pollfd { fd: fd.map_or(-1, |fd| fd.as_raw_fd()), events: libc::POLLIN, revents: 0 }
}

/// Waits for several descriptors. On 64-bit Linux the system call is raw, because libfaketime replaces `ppoll`.
#[cfg(feature = "process")]
pub(crate) fn wait_any(fds: &mut [pollfd], time: Option<Duration>) -> io::Result<()> {
    poll(fds, time, true)
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
fn poll(fds: &mut [pollfd], time: Option<Duration>, is_system_call: bool) -> io::Result<()> {
    use std::ptr;

    let time = time.map(nix::sys::time::TimeSpec::from_duration);
    let time = time.as_ref().map_or(ptr::null(), |time| ptr::from_ref::<libc::timespec>(time.as_ref()));
    let (fds, count, mask) = (fds.as_mut_ptr(), fds.len(), ptr::null::<libc::sigset_t>());
    let _ = is_system_call;
    // SAFETY: the pointers are valid or null. With 64-bit pointers, the C library and the kernel have the same
    // `timespec`.
    ended(unsafe {
        #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
        if is_system_call {
            return ended(libc::syscall(libc::SYS_ppoll, fds, count, time, mask, size_of::<u64>()) as _);
        }
        libc::ppoll(fds, count as _, time, mask)
    })
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly")))]
fn poll(fds: &mut [pollfd], time: Option<Duration>, _: bool) -> io::Result<()> {
    let millis = |time: Duration| i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: the pointer is valid.
    ended(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as _, time.map_or(-1, millis)) })
}

fn ended(result: libc::c_int) -> io::Result<()> {
    match Errno::result(result) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
