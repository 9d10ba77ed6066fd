//! A proof that the process has one thread, so that a forked child may run any code.
//!
//! Another thread's lock stays locked in a forked child. So POSIX allows only async-signal-safe calls in the child of a
//! multithreaded process.

use std::thread;
use std::time::{Duration, Instant};

use super::threads;

/// Evidence that the process has one thread, or the caller's promise that a fork is safe.
pub(crate) struct Alone(());

#[derive(Debug)]
pub(crate) enum Company {
    Threads(usize),
    /// The system does not report the number.
    Unknown,
}

impl Alone {
    /// Checks that the calling thread is the only one. Only that thread could start another.
    ///
    /// The kernel counts a joined thread for a few microseconds more, so a higher count is read again for 20 ms.
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

    /// Accepts the caller's promise.
    ///
    /// # Safety
    ///
    /// The child must not depend on data that another thread may be changing during the fork.
    pub(crate) unsafe fn vouched() -> Alone {
        Alone(())
    }
}
