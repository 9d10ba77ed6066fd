//! Whether this process has other threads: what decides whether a fork is safe.
//!
//! A forked child has a copy of all memory and of one thread. A lock that another thread held at that moment
//! stays locked in the child for ever, the allocator's among them; so POSIX allows a child of a process with
//! several threads no more than async-signal-safe calls until it executes another program.

use std::thread;
use std::time::{Duration, Instant};

use super::threads;

/// That a fork finds one thread: seen, or vouched for.
pub(crate) struct Alone(());

/// Not alone.
#[derive(Debug)]
pub(crate) enum Company {
    Threads(usize),
    /// The system does not tell.
    Unknown,
}

impl Alone {
    /// Looks whether the calling thread is the only one. What is true at this moment stays so, for nobody else
    /// is there to start a thread.
    ///
    /// A thread that has been joined is still counted for some microseconds, while the kernel takes it down.
    /// So a count above one is looked at again for a while before it is believed.
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

    /// Takes somebody's word for it.
    ///
    /// # Safety
    ///
    /// What the child does until it exits must not depend on anything that another thread of this process may
    /// have been changing at the moment of the fork.
    pub(crate) unsafe fn vouched() -> Alone {
        Alone(())
    }
}
