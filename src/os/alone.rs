//! How many threads this process has: what decides whether a fork is safe.
//!
//! A forked child has a copy of all memory and of one thread. A lock that another thread held at that moment
//! stays locked in the child for ever, the allocator's among them; so POSIX allows a child of a process with
//! several threads no more than async-signal-safe calls until it executes another program.

use std::thread;
use std::time::{Duration, Instant};

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
        let mut since = None;
        loop {
            match threads() {
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

/// [proc_pid_task(5)](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html): a directory with an entry
/// for each thread. As in every directory its link count is that of its subdirectories and two, which saves
/// reading it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn threads() -> Option<usize> {
    use std::os::unix::fs::MetadataExt;

    const TASKS: &str = "/proc/self/task";
    let links = std::fs::metadata(TASKS).ok()?.nlink();
    match usize::try_from(links).ok()?.checked_sub(2) {
        Some(threads) if threads > 0 => Some(threads),
        // A kernel that does not count links like that.
        _ => Some(std::fs::read_dir(TASKS).ok()?.count()),
    }
}

#[cfg(target_vendor = "apple")]
fn threads() -> Option<usize> {
    use nix::libc;
    use std::mem::{self, MaybeUninit};

    let mut info = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let size = mem::size_of::<libc::proc_taskinfo>() as libc::c_int;
    // SAFETY:
    // - the buffer is valid for `size` bytes for the length of the call;
    // - the structure is plain integers, so zeroes are a value of it, whatever part the call writes.
    let info = unsafe {
        let info_ptr = info.as_mut_ptr().cast();
        if libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTASKINFO, 0, info_ptr, size) != size {
            return None;
        }
        info.assume_init()
    };
    usize::try_from(info.pti_threadnum).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn threads() -> Option<usize> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn every_thread_counts() {
        // The harness has threads of its own, so there are two at least.
        let threads_before = threads().expect("a count");
        assert!(threads_before >= 2, "{threads_before}");
        assert_eq!(threads(), Some(std::fs::read_dir("/proc/self/task").unwrap().count()));
        assert!(matches!(Alone::look(), Err(Company::Threads(n)) if n >= 2));
    }
}
