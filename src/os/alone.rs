//! Whether this process has other threads, which decides whether a fork is safe.
//!
//! A lock that another thread holds stays locked in the child. So POSIX allows the child of a process with several
//! threads async-signal-safe calls only.

use std::thread;
use std::time::{Duration, Instant};

use super::threads;

/// Proof that a fork is safe: this thread is the only one, or the caller vouches for it.
pub(crate) struct Alone(());

#[derive(Debug)]
pub(crate) enum NotAlone {
    Threads(usize),
    Unknown,
}

impl Alone {
    /// Checks that the calling thread is the only one.
    ///
    /// The kernel counts a joined thread for some microseconds more, so a higher count is read again for 20 ms.
    pub(crate) fn check() -> Result<Alone, NotAlone> {
        const A_WHILE: Duration = Duration::from_millis(20);
        if threads::alone() {
            return Ok(Alone(()));
        }
        let mut since = None;
        loop {
            match threads::count() {
                Some(1) => return Ok(Alone(())),
                None => return Err(NotAlone::Unknown),
                Some(threads) if since.get_or_insert_with(Instant::now).elapsed() >= A_WHILE => {
                    return Err(NotAlone::Threads(threads));
                }
                Some(_) => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Relies on the caller.
    ///
    /// # Safety
    ///
    /// The child must not depend on anything that another thread may be changing at the fork.
    pub(crate) unsafe fn assume() -> Alone {
        Alone(())
    }
}
