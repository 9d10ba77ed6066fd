use std::io;
use std::mem::MaybeUninit;

use nix::libc;

/// Blocks until the child has ended, without reaping the child. Returns EINTR after a handled signal.
pub(crate) fn await_end(pid: u32) -> io::Result<()> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the pointer is valid.
    let result = unsafe {
        libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
