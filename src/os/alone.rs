//! A lock of another thread stays locked in a forked child. So POSIX allows the child of a multithreaded process
//! async-signal-safe calls only.

use std::thread;
use std::time::{Duration, Instant};

use super::threads;

/// Proof that the process has one thread, or the caller's promise that a fork is safe.
pub(crate) struct Alone(());

#[derive(Debug)]
pub(crate) enum Company {
    Threads(usize),
    Unknown,
}

impl Alone {
    /// Checks that the calling thread is the only one.
    ///
    /// The kernel counts a joined thread for some microseconds more, so the check repeats for 20 ms.
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

    /// # Safety
    ///
    /// The child must not use data that another thread may be changing during the fork.
    pub(crate) unsafe fn vouched() -> Alone {
        Alone(())
    }
}
