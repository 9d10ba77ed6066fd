//! Time that does not count.

use std::panic::Location;

use crate::alarm::Alarm;
use crate::runtime;
use crate::schedule::Key;

/// Runs `f` without its time counting for this thread's alarms: for a prompt, a callback of the host program, a debugger.
///
/// While `f` runs these alarms have no deadline, on any thread. When it returns, their deadlines,
/// [watchdogs](crate::AlarmBuilder::abort_after), [flags](crate::AlarmBuilder::flag) and [audits](crate::AlarmBuilder::audit) are later by
/// the time that it took, which [`elapsed`](Alarm::elapsed) leaves out as well. An alarm that had expired before stays
/// expired, and a grace that has begun goes on. Limits on processor time and on checks are not moved, and a
/// [`ring`](Alarm::ring) works meanwhile. Alarms that `f` arms count as ever.
///
/// Calls nest. After a panic time counts again. Looks at every alarm of the process, under the lock; does not block.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, paused};
/// use std::{thread, time::Duration};
///
/// let alarm = Alarm::after(Duration::from_millis(500))?;
/// paused(|| thread::sleep(Duration::from_millis(600))); // the user reads the question
/// assert!(alarm.check().is_ok());
/// assert!(alarm.elapsed() < Duration::from_millis(500));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[track_caller]
pub fn paused<T>(f: impl FnOnce() -> T) -> T {
    let _resume = Resume(runtime::pause_thread(Location::caller()));
    f()
}

impl Alarm {
    /// Runs `f` without its time counting for this alarm; otherwise as [`paused`]. Any thread may call it.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::{thread, time::Duration};
    ///
    /// let whole = Alarm::after(Duration::from_millis(5))?;
    /// let part = Alarm::after(Duration::from_secs(10))?;
    /// part.paused(|| thread::sleep(Duration::from_millis(6)));
    /// assert!(whole.is_expired()); // its time has counted
    /// assert!(part.elapsed() < whole.elapsed());
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
