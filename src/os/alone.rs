//! Whether the process has one thread. With several, a forked child may wait for ever for a lock that another thread
//! held at the fork.

use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Alone(());

impl Alone {
    /// Succeeds if the process has one thread. The error is the number of threads, if known. A joined thread stays in the
    /// kernel's count for some microseconds, so this function waits up to 20 ms for the count to fall to one.
    pub(crate) fn check() -> Result<Alone, Option<usize>> {
        const A_WHILE: Duration = Duration::from_millis(20);
        if kernel_says_alone() {
            return Ok(Alone(()));
        }
        let began = Instant::now();
        loop {
            match count_threads().ok_or(None)? {
                1 => return Ok(Alone(())),
                threads if began.elapsed() >= A_WHILE => return Err(Some(threads)),
                _ => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// # Safety
    ///
    /// If other threads exist, the forked child must not use anything that they may be changing at the fork.
    pub(crate) unsafe fn assume() -> Alone {
        Alone(())
    }
}

/// CLONE_THREAD fails if the process has several threads:
/// [unshare(2)](https://man7.org/linux/man-pages/man2/unshare.2.html).
fn kernel_says_alone() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the call touches no memory and changes nothing.
    return unsafe { nix::libc::unshare(nix::libc::CLONE_THREAD) } == 0;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    false
}

/// Counts the links of [/proc/self/task](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html): two, and one for
/// each thread's subdirectory.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn count_threads() -> Option<usize> {
    use std::os::unix::fs::MetadataExt;

    const TASKS: &str = "/proc/self/task";
    match std::fs::metadata(TASKS).ok()?.nlink().checked_sub(2) {
        Some(threads) if threads > 0 => usize::try_from(threads).ok(),
        _ => Some(std::fs::read_dir(TASKS).ok()?.count()),
    }
}

#[cfg(target_vendor = "apple")]
fn count_threads() -> Option<usize> {
    use nix::libc;

    let mut info = std::mem::MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let size = size_of::<libc::proc_taskinfo>() as libc::c_int;
    // SAFETY: the buffer has `size` bytes, and zeroes are a valid structure.
    unsafe {
        let buffer = info.as_mut_ptr().cast();
        let is_whole = libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTASKINFO, 0, buffer, size) == size;
        is_whole.then(|| info.assume_init().pti_threadnum as usize)
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn count_threads() -> Option<usize> {
    None
}
