//! The pipe on which a child sends its value.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::unistd;

use super::job_fd;
#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = open()?;
    let (read, write) = (above_streams(read)?, above_streams(write)?);
    fcntl(&read, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok((read, write))
}

#[cfg(not(target_vendor = "apple"))]
fn open() -> nix::Result<(OwnedFd, OwnedFd)> {
    unistd::pipe2(OFlag::O_CLOEXEC)
}

#[cfg(target_vendor = "apple")]
fn open() -> nix::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = unistd::pipe()?;
    for fd in [&read, &write] {
        fcntl(fd, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
    }
    Ok((read, write))
}

pub(crate) fn above_streams(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        return Ok(fd);
    }
    let higher = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(libc::STDERR_FILENO + 1))?;
    // SAFETY: the call has just opened the descriptor, so it has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(higher) })
}

/// Appends at most `most` bytes. Returns 0 at the end, and `WouldBlock` if the pipe is empty.
pub(crate) fn read_onto(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    // `try_reserve` may double the capacity, for which there may be too little memory.
    let reserved = buffer.try_reserve(most).or_else(|_| buffer.try_reserve_exact(most));
    reserved.map_err(|_| io::ErrorKind::OutOfMemory)?;
    let room = &mut buffer.spare_capacity_mut()[..most];
    loop {
        // SAFETY: `room` is valid for writes of its length.
        let read = unsafe { libc::read(fd.as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
        match Errno::result(read) {
            Ok(n) => {
                // SAFETY: the kernel has written `n` bytes of the `most` that are reserved.
                unsafe { buffer.set_len(buffer.len() + n as usize) };
                return Ok(n as usize);
            }
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// The write end in the child. A write fails if the job's function has given the descriptor's number to another file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteEnd {
    fd: RawFd,
    identity: (libc::dev_t, libc::ino_t),
    /// A random number that both processes know.
    pub(crate) mark: u64,
}

impl WriteEnd {
    /// The descriptor must stay open as long as the `WriteEnd` is used.
    pub(crate) fn new(fd: BorrowedFd<'_>) -> io::Result<WriteEnd> {
        let mark = RandomState::new().hash_one(());
        Ok(WriteEnd { fd: fd.as_raw_fd(), identity: identity(fd.as_raw_fd())?, mark })
    }

    pub(crate) fn number(&self) -> RawFd {
        self.fd
    }

    #[inline]
    pub(crate) fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        if identity(self.fd)? != self.identity {
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        while !bytes.is_empty() {
            // macOS refuses more than 2 GiB.
            match write(self.fd, &bytes[..bytes.len().min(1 << 30)]) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Closes the descriptor in a child of the job, unless the job has given its number to another file.
    pub(crate) fn close_in_child(&self) {
        if identity(self.fd).is_ok_and(|identity| identity == self.identity) {
            job_fd::close(self.fd);
        }
    }

    /// Linux only.
    pub(crate) fn enlarge(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        // SAFETY: the call touches no memory.
        unsafe {
            libc::fcntl(self.fd, libc::F_SETPIPE_SZ, 1 << 20);
        }
    }
}

#[inline]
fn write(fd: RawFd, bytes: &[u8]) -> nix::Result<usize> {
    // SAFETY: `bytes` is valid for reads.
    unsafe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return kernel_call(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0]);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        Errno::result(libc::write(fd, bytes.as_ptr().cast(), bytes.len())).map(|n| n as usize)
    }
}

#[inline]
fn identity(fd: RawFd) -> io::Result<(libc::dev_t, libc::ino_t)> {
    let mut stat = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the pointer is valid for writes, and zeroes are a valid `stat`.
    let stat = unsafe {
        #[cfg(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64"))]
        kernel_call(libc::SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0])?;
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64")))]
        Errno::result(libc::fstat(fd, stat.as_mut_ptr()))?;
        stat.assume_init()
    };
    Ok((stat.st_dev, stat.st_ino))
}
