//! Suspending the library around `exec`.

use crate::runtime;

/// Runs `f` with the previous disposition of SIGALRM, the previous signal mask of this thread, and no timer of the library.
///
/// Use it for [`exec`](std::os::unix::process::CommandExt::exec), which keeps the interval timer and resets the handler
/// ([execve(2)]). Otherwise the new program of a single-threaded process **dies of SIGALRM**.
///
/// While another thread has alarms, the handler stays installed, and forwards signals of other code.
///
/// In `f` time counts and checks read the clock, but a deadline interrupts no system call. Calls nest. Arm no alarm on
/// other threads meanwhile. A child that `f` forks is not suspended.
///
/// ```
/// use std::{os::unix::process::CommandExt, process::Command};
/// let _alarm = sigalarm::Alarm::after(std::time::Duration::from_secs(10))?;
/// let error = sigalarm::suspended(|| Command::new("/no/such/program").exec());
/// println!("{error}");
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
