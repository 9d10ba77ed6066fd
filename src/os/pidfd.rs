//! A descriptor of a process, readable after the process has ended:
//! [pidfd_open(2)](https://man7.org/linux/man-pages/man2/pidfd_open.2.html).

pub(crate) use imp::PidFd;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
    use std::ptr;

    use nix::errno::Errno;
    use nix::libc;
    use nix::unistd::Pid;

    use crate::os::job_fd::JobFd;

    #[derive(Debug)]
    pub(crate) struct PidFd(JobFd);

    impl PidFd {
        pub(crate) const GROUP: libc::c_uint = 1 << 2; // PIDFD_SIGNAL_PROCESS_GROUP, <linux/pidfd.h>

        /// Opens the child `pid` of this process (`parent`). Returns `None` if the kernel or a sandbox has no pidfds, no
        /// descriptor is left, or the child has been reaped.
        pub(crate) fn open(pid: Pid, parent: Pid) -> Option<PidFd> {
            // SAFETY: the call takes two numbers and returns a new descriptor.
            let fd = unsafe {
                let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0)).ok()?;
                OwnedFd::from_raw_fd(fd as libc::c_int)
            };
            Some(PidFd(JobFd::new(fd, parent.as_raw().unsigned_abs())))
        }

        pub(crate) fn wait_id(&self) -> (libc::idtype_t, libc::id_t) {
            (libc::P_PIDFD, self.as_fd().as_raw_fd() as libc::id_t)
        }

        /// Signals the child or, with the flag [`GROUP`](PidFd::GROUP), the process group that it leads or has led.
        /// Returns EINVAL for this flag before Linux 6.9.
        pub(crate) fn signal(&self, signal: i32, flags: libc::c_uint) -> io::Result<()> {
            let (fd, no_info) = (self.as_fd().as_raw_fd(), ptr::null::<libc::siginfo_t>());
            // SAFETY: the descriptor is open. If the siginfo is null, the kernel makes one, as for `kill`.
            let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, no_info, flags) };
            Ok(Errno::result(sent).map(drop)?)
        }

        /// Returns the wait status, even of a reaped process. Returns `None` before Linux 6.15.
        pub(crate) fn status(&self) -> Option<libc::c_int> {
            const PIDFD_INFO_EXIT: u64 = 1 << 3; // <linux/pidfd.h>
            let mut info = Info { mask: PIDFD_INFO_EXIT, ..Info::default() };
            // SAFETY: the call reads and writes one `Info`, whose size is in the request's number.
            let answered = unsafe { get_info(self.as_fd().as_raw_fd(), &mut info) }.is_ok();
            (answered && info.mask & PIDFD_INFO_EXIT != 0).then_some(info.exit_code)
        }
    }

    impl AsFd for PidFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }

    // PIDFD_GET_INFO, `_IOWR(0xff, 11, struct pidfd_info)`.
    nix::ioctl_readwrite!(get_info, 0xff, 11, Info);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod imp {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::libc;
    use nix::unistd::Pid;

    #[derive(Debug)]
    pub(crate) enum PidFd {}

    impl PidFd {
        pub(crate) const GROUP: libc::c_uint = 0;

        pub(crate) fn open(_: Pid, _: Pid) -> Option<PidFd> {
            None
        }

        pub(crate) fn wait_id(&self) -> (libc::idtype_t, libc::id_t) {
            match *self {}
        }

        pub(crate) fn signal(&self, _: i32, _: libc::c_uint) -> io::Result<()> {
            match *self {}
        }

        pub(crate) fn status(&self) -> Option<libc::c_int> {
            match *self {}
        }
    }

    impl AsFd for PidFd {
        fn as_fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }
    }
}
