//! Pausing limits.

use std::panic::Location;

use crate::alarm::Alarm;
use crate::runtime;
use crate::schedule::Key;

/// Runs `f` and pauses the calling thread's alarms meanwhile: for a prompt or a debugger.
///
/// A paused alarm has no deadline on any thread. When `f` returns or panics, deadlines,
/// [watchdogs](crate::AlarmBuilder::abort_after), [flags](crate::AlarmBuilder::flag) and
/// [audits](crate::AlarmBuilder::audit) move later by the time that `f` took.
///
/// These go on: an expired alarm remains expired, a running grace continues, processor time and checks count, and
/// [`ring`](Alarm::ring) works. Alarms that `f` arms are not paused. Calls nest. Does not block.
///
/// ```
/// use sigalarm::{Alarm, paused};
/// use std::{thread, time::Duration};
///
/// let alarm = Alarm::after(Duration::from_millis(500))?;
/// paused(|| thread::sleep(Duration::from_millis(600))); // a prompt
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
    /// use sigalarm::Alarm;
    /// use std::{thread, time::Duration};
    ///
    /// let alarm = Alarm::after(Duration::from_millis(500))?;
    /// alarm.paused(|| thread::sleep(Duration::from_millis(600)));
    /// assert!(alarm.check().is_ok());
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
