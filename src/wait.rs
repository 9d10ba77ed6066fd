//! Waiting for channels, condition variables and locks.

use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::TimedOut;
use crate::runtime;

impl Alarm {
    /// Calls `attempt` with a timeout until it returns a value, or until this alarm or an enclosing one expires.
    ///
    /// Use it for channels, condition variables and locks, whose waits no signal ends. `attempt` waits for up to its
    /// timeout and then returns `None`. The timeout is 10 ms, or less before a deadline. So a deadline ends the wait on
    /// time, and a [`ring`](Alarm::ring) up to 10 ms late.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] if the alarm expires first.
    ///
    /// A condition variable. `wait_timeout_while` checks the condition first, so no notification is lost:
    ///
    /// ```
    /// use std::sync::{Condvar, Mutex};
    /// let (queue, filled) = (Mutex::new(vec!["job"]), Condvar::new());
    /// let job = sigalarm::Alarm::never()?.wait_for(|timeout| {
    ///     let locked = queue.lock().unwrap();
    ///     filled.wait_timeout_while(locked, timeout, |queue| queue.is_empty()).unwrap().0.pop()
    /// });
    /// assert_eq!(job.unwrap(), "job");
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    ///
    /// For a channel, return `None` on `RecvTimeoutError::Timeout`. For a parking_lot lock, call `try_lock_for(timeout)`.
    /// For std's `Mutex`, call `try_lock`, and sleep for up to `timeout` after a failure.
    #[track_caller]
    #[doc(alias("recv", "lock", "wait_timeout", "condvar", "channel"))]
    pub fn wait_for<T>(&self, mut attempt: impl FnMut(Duration) -> Option<T>) -> Result<T, TimedOut> {
        let location = Location::caller();
        loop {
            self.check_at(location)?;
            if let Some(value) = attempt(self.poll_timeout()) {
                return Ok(value);
            }
            // The deadline may have passed before its signal is handled.
            runtime::recheck();
        }
    }
}
