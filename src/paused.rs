//! Pausing limits.

use std::panic::Location;

use crate::alarm::Alarm;
use crate::runtime;
use crate::schedule::Key;

/// Runs `f` and pauses the calling thread's alarms meanwhile, for a prompt or a debugger.
///
/// A paused alarm has no deadline on any thread. When `f` returns or panics, its deadline, watchdog, flag and audit move
/// later by the time that `f` took.
///
/// Expired alarms remain expired. A running grace, and limits on processor time and checks, are not paused. Alarms that `f`
/// arms are not paused either. Calls nest. Does not block.
///
/// ```
/// use std::{thread::sleep, time::Duration};
/// let alarm = sigalarm::Alarm::after(Duration::from_millis(500))?;
/// sigalarm::paused(|| sleep(Duration::from_millis(600)));
/// assert!(alarm.check().is_ok());
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn paused<T>(f: impl FnOnce() -> T) -> T {
    let _resume = Resume(runtime::pause_thread(Location::caller()));
    f()
}

impl Alarm {
    /// Runs `f` and pauses this alarm only; otherwise as [`paused`]. Any thread may call it.
    ///
    /// ```
    /// let alarm = sigalarm::Alarm::after(std::time::Duration::from_secs(1))?;
    /// assert_eq!(alarm.paused(|| alarm.deadline()), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[track_caller]
    pub fn paused<T>(&self, f: impl FnOnce() -> T) -> T {
        let _resume = Resume(runtime::pause(self.key(), Location::caller()));
        f()
    }
}

struct Resume(Vec<Key>);

impl Drop for Resume {
    fn drop(&mut self) {
        runtime::unpause(&self.0);
    }
}
