/// Returns the number of threads, if known.
///
/// [proc_pid_task(5)](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html): the link count is two more than the number
/// of threads.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn count() -> Option<usize> {
    use std::os::unix::fs::MetadataExt;

    const TASKS: &str = "/proc/self/task";
    let links = std::fs::metadata(TASKS).ok()?.nlink();
    match usize::try_from(links).ok()?.checked_sub(2) {
        Some(threads) if threads > 0 => Some(threads),
        _ => Some(std::fs::read_dir(TASKS).ok()?.count()),
    }
}

#[cfg(target_vendor = "apple")]
pub(crate) fn count() -> Option<usize> {
    use nix::libc;
    use std::mem::{self, MaybeUninit};

    let mut info = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let size = mem::size_of::<libc::proc_taskinfo>() as libc::c_int;
    // SAFETY: the buffer is valid for `size` bytes, and zeroes are a valid value.
    let info = unsafe {
        let buffer = info.as_mut_ptr().cast();
        if libc::proc_pidinfo(libc::getpid(), libc::PROC_PIDTASKINFO, 0, buffer, size) != size {
            return None;
        }
        info.assume_init()
    };
    usize::try_from(info.pti_threadnum).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(crate) fn count() -> Option<usize> {
    None
}

/// Returns whether the process has one thread; `false` if unknown.
pub(crate) fn alone() -> bool {
    kernel_says_alone() || count() == Some(1)
}

/// Asks the kernel without the file system. Returns `false` if unknown.
///
/// [unshare(2)](https://man7.org/linux/man-pages/man2/unshare.2.html) with CLONE_THREAD fails in a multithreaded process.
/// Some sandboxes forbid it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn kernel_says_alone() -> bool {
    let thread = [nix::libc::CLONE_THREAD as usize, 0, 0, 0];
    // SAFETY: the call uses no memory.
    unsafe { super::kernel_call::kernel_call(nix::libc::SYS_unshare, thread) }.is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn kernel_says_alone() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no unshare")]
    fn every_thread_counts() {
        let listed = || std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(count().is_some_and(|n| n >= 2));
        assert!((0..1_000).any(|_| count() == Some(listed())));
        assert!(!alone());
    }
}
