//! A process that sends SIGALRM to this one at full speed.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use super::tally::Count;
use nix::libc;

/// The process ends when this value is dropped, or with its target.
pub struct Stormer(libc::pid_t);

impl Stormer {
    /// `pause` is the number of empty loops between two signals.
    pub fn begin(sent: &'static Count, pause: u32) -> Stormer {
        unsafe {
            let target = libc::getpid();
            match libc::fork() {
                -1 => panic!("fork: {}", std::io::Error::last_os_error()),
                0 => {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                    while libc::getppid() == target && libc::kill(target, libc::SIGALRM) == 0 {
                        sent.add(1);
                        (0..pause).for_each(|_| std::hint::spin_loop());
                    }
                    libc::_exit(0)
                }
                child => Stormer(child),
            }
        }
    }
}

impl Drop for Stormer {
    fn drop(&mut self) {
        unsafe {
            libc::kill(self.0, libc::SIGKILL);
            libc::waitpid(self.0, std::ptr::null_mut(), 0);
        }
    }
}
