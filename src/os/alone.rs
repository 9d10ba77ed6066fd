//! Whether this process has other threads, which decides whether a fork is safe.
//!
//! A forked child has one thread. A lock that another thread held stays locked in the child for ever. So POSIX allows the child
//! of a process with several threads async-signal-safe calls only.

use std::thread;
use std::time::{Duration, Instant};

use super::threads;

/// A fork finds one thread: seen, or promised by the caller.
pub(crate) struct Alone(());

#[derive(Debug)]
pub(crate) enum Company {
    Threads(usize),
    /// The system does not tell.
    Unknown,
}

impl Alone {
    /// Checks that the calling thread is the only one. Then it stays so: no other thread can start one.
    ///
    /// The kernel counts a joined thread for some microseconds more, so a count above one is read again for a while.
    pub(crate) fn look() -> Result<Alone, Company> {
        const A_WHILE: Duration = Duration::from_millis(20);
        if threads::alone() {
            return Ok(Alone(()));
        }
        let mut since = None;
        loop {
            match threads::count() {
                Some(1) => return Ok(Alone(())),
                None => return Err(Company::Unknown),
                Some(threads) if since.get_or_insert_with(Instant::now).elapsed() >= A_WHILE => {
                    return Err(Company::Threads(threads));
                }
                Some(_) => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Takes the caller's promise.
    ///
    /// # Safety
    ///
    /// What the child does until it exits must not depend on anything that another thread of this process may
    /// have been changing at the moment of the fork.
    pub(crate) unsafe fn vouched() -> Alone {
        Alone(())
    }
}
