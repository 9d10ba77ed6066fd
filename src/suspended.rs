//! Suspending the library around `exec`.

use crate::runtime;

/// Runs `f` with the previous disposition of SIGALRM, the previous signal mask of this thread, and no timer of the library.
///
/// Use it for [`exec`](std::os::unix::process::CommandExt::exec), which keeps the interval timer and the mask but
/// resets the handler ([execve(2)]). Without it, the new program of a single-threaded process **dies of SIGALRM**:
///
/// ```no_run
/// # use std::{os::unix::process::CommandExt, process::Command};
/// let _alarm = sigalarm::Alarm::after(std::time::Duration::from_secs(10))?;
/// let error = sigalarm::suspended(|| Command::new("make").exec());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// A child of `fork`, as in [`Command::spawn`](std::process::Command::spawn), does not inherit the timer.
///
/// In `f` time counts, checks read the clock, and no deadline interrupts a system call. Calls nest, and alarms may be armed and dropped.
/// Arm no alarm on other threads meanwhile. A child that `f` forks is not suspended.
///
/// ```
/// let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?;
/// sigalarm::suspended(|| assert!(alarm.check().is_err()));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// [execve(2)]: https://man7.org/linux/man-pages/man2/execve.2.html
pub fn suspended<T>(f: impl FnOnce() -> T) -> T {
    struct Resume;
    impl Drop for Resume {
        fn drop(&mut self) {
            runtime::resume();
        }
    }

    runtime::suspend();
    let _resume = Resume;
    f()
}
