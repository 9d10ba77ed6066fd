//! The private timer of a thread: a POSIX timer whose signal goes to this thread alone.
//!
//! It is created at the thread's first need, kept between alarms without being set, and deleted when the thread ends. Its
//! signal is queued whatever else is pending, and takes in no signal to the process.

use std::io;
use std::process;

use crate::os::posix_timer::{ThreadId, TimerId};

/// A timer, and the process that has created it.
pub(in crate::runtime) struct PosixTimer {
    id: TimerId,
    process: u32,
}

impl PosixTimer {
    pub(in crate::runtime) fn create(thread: ThreadId, value: usize) -> io::Result<PosixTimer> {
        Ok(PosixTimer { id: TimerId::create(thread, value)?, process: process::id() })
    }

    /// The timer's id, for one call. A child of bare `clone` has no such timer, and may have another of that number.
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
