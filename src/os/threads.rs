//! How many threads the process has.

/// Whether the calling thread is the only one. `false` where that cannot be known.
///
/// See [proc(5)](https://man7.org/linux/man-pages/man5/proc_pid_task.5.html). Some microseconds.
pub(crate) fn alone() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.take(2).count() == 1);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    false
}
