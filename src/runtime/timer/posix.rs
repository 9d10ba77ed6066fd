//! The private timer of a thread: a POSIX timer whose signal goes to this thread alone.
//!
//! The timer is created when the thread first needs it, kept disarmed between alarms, and deleted when the thread ends. Its signal
//! is queued whatever else is pending, and does not merge with a signal to the process.

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

    /// Returns the timer's id, or an error in a child of bare `clone`, which has no such timer.
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
