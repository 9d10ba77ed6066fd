use std::io;
use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::ArmError;
use crate::runtime;

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs `f` with an alarm that expires `limit` from now.
///
/// # Errors
///
/// [`ArmError`] if the alarm cannot be armed; then `f` does not run.
/// ```
/// let limit = std::time::Duration::from_secs(10);
/// assert!(sigalarm::within(limit, |alarm| alarm.check()).unwrap().is_ok());
/// ```
#[track_caller]
pub fn within<T>(limit: Duration, f: impl FnOnce(&Alarm) -> T) -> Result<T, ArmError> {
    let alarm = Alarm::after(limit)?;
    Ok(f(&alarm))
}

/// Runs `f` as [`within`] does, and converts an [`ArmError`] or the error of `f` into an [`io::Error`]. A
/// [`TimedOut`](crate::TimedOut) gets the kind [`io::ErrorKind::TimedOut`].
/// ```
/// let limit = std::time::Duration::from_secs(10);
/// assert!(sigalarm::try_within(limit, |alarm| alarm.check()).is_ok());
/// ```
pub fn try_within<T, E: Into<io::Error>>(
    limit: Duration,
    f: impl FnOnce(&Alarm) -> Result<T, E>,
) -> io::Result<T> {
    within(limit, f)?.map_err(E::into)
}

/// Runs `f` while the calling thread's alarms are paused, for a prompt or a debugger. Calls nest.
///
/// A paused alarm has no deadline. When `f` ends, the alarm's deadline, watchdog and flag are postponed by the time
/// that `f` took. The alarm's audit excludes that time. Limits on processor time and checks are not paused.
/// ```
/// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(500)).unwrap();
/// sigalarm::paused(|| std::thread::sleep(std::time::Duration::from_millis(600)));
/// assert!(alarm.check().is_ok());
/// ```
#[track_caller]
pub fn paused<T>(f: impl FnOnce() -> T) -> T {
    let keys = runtime::pause_thread(Location::caller());
    let _resume = OnDrop(|| runtime::unpause(&keys));
    f()
}

impl Alarm {
    /// Runs `f` while only this alarm is paused; see the function [`paused`]. Any thread may call this method.
    /// ```
    /// let alarm = sigalarm::Alarm::at(std::time::Instant::now() + std::time::Duration::from_secs(1)).unwrap();
    /// assert_eq!(alarm.paused(|| alarm.deadline()), None);
    /// ```
    #[track_caller]
    pub fn paused<T>(&self, f: impl FnOnce() -> T) -> T {
        let keys = runtime::pause(self.key, Location::caller());
        let _resume = OnDrop(|| runtime::unpause(&keys));
        f()
    }
}

/// Runs `f`, for clean-up after an expiry. Until `f` ends, this thread's checks ignore all alarms that were armed
/// before the call. Calls nest.
///
/// [`blocking`](Alarm::blocking) ignores these alarms too, and their [`check_limit`](crate::AlarmBuilder::check_limit)s
/// count no checks. But their deadlines still pass, and their [`abort_after`](crate::AlarmBuilder::abort_after) still
/// ends the process. Alarms that `f` arms work as usual, so the clean-up can have a limit.
/// ```
/// let _alarm = sigalarm::testing::expired();
/// assert!(sigalarm::checkpoint().is_err());
/// sigalarm::shielded(|| assert!(sigalarm::checkpoint().is_ok())); // the clean-up
/// ```
pub fn shielded<T>(f: impl FnOnce() -> T) -> T {
    let shield = runtime::shield();
    let _lower = OnDrop(|| runtime::lower(&shield));
    f()
}

/// Runs `f` with the previous disposition of SIGALRM, this thread's previous signal mask, and no timer of the library.
///
/// Use it for [`exec`](std::os::unix::process::CommandExt::exec), which preserves a single-threaded process's interval
/// timer. Without `suspended`, the new program **dies of SIGALRM**.
///
/// The time of `f` counts for limits, but no deadline interrupts a system call of `f`. Until `f` returns, arm no alarm
/// on another thread, because the library would not unblock SIGALRM on that thread. While other threads have alarms,
/// the library's handler may stay installed. Calls nest.
/// ```
/// use std::{os::unix::process::CommandExt, process::Command};
/// let error = sigalarm::suspended(|| Command::new("/no/such/program").exec());
/// println!("{error}");
/// ```
pub fn suspended<T>(f: impl FnOnce() -> T) -> T {
    runtime::suspend();
    let _resume = OnDrop(runtime::resume);
    f()
}
