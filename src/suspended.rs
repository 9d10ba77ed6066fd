//! The process as it was before the guards, for a while.

use crate::runtime;

/// Runs `f` with the process as it was before the first guard: SIGALRM's disposition and this thread's signal mask are
/// restored, and no timer of the library's is set. Afterwards the alarms are in force again; their time has gone on.
///
/// It is for [`exec`](std::os::unix::process::CommandExt::exec), which keeps the interval timer and the mask and resets the
/// handler ([execve(2)]). From a single-threaded process the new program would inherit the timer and **die of SIGALRM**:
///
/// ```no_run
/// # use sigalarm::Alarm;
/// # use std::{os::unix::process::CommandExt, process::Command, time::Duration};
/// // WRONG: the new program is killed after ten seconds.
/// let _alarm = Alarm::after(Duration::from_secs(10))?;
/// let error = Command::new("make").exec();
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// ```no_run
/// # use sigalarm::{Alarm, suspended};
/// # use std::{os::unix::process::CommandExt, process::Command, time::Duration};
/// // Right.
/// let _alarm = Alarm::after(Duration::from_secs(10))?;
/// let error = suspended(|| Command::new("make").exec());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// [`Command::spawn`](std::process::Command::spawn) and whatever else forks first needs none of this: a child
/// does not inherit the timer.
///
/// Checks work inside `f`, by the clock; system calls are not interrupted there. Alarms may be armed and dropped.
/// Calls may nest. Other threads had better not arm alarms meanwhile, and a child that is forked inside is not
/// suspended.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, suspended};
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::from_secs(10))?;
/// suspended(|| assert!(alarm.check().is_ok()));
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
