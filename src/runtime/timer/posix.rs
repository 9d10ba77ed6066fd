//! A private timer: a POSIX timer whose signal goes to one thread alone.
//!
//! The kernel queues this SIGALRM even if another SIGALRM is pending for the process, and does not merge the two.

use std::io;
use std::process;

use crate::os::posix_timer::{ThreadId, TimerId};

pub(in crate::runtime) struct PosixTimer {
    id: TimerId,
    process: u32,
}

impl PosixTimer {
    pub(in crate::runtime) fn create(thread: ThreadId, value: usize) -> io::Result<PosixTimer> {
        Ok(PosixTimer { id: TimerId::create(thread, value)?, process: process::id() })
    }

    /// Returns the timer's id. In the child of a raw `clone`, which runs no fork hooks, returns an error, because the child has
    /// no such timer.
    pub(in crate::runtime) fn id(&self) -> io::Result<TimerId> {
        if process::id() == self.process { Ok(self.id) } else { Err(io::ErrorKind::Unsupported.into()) }
    }
}

impl Drop for PosixTimer {
    fn drop(&mut self) {
        if let Ok(id) = self.id() {
            id.delete();
        }
    }
}
