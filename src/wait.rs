//! Waits that take a timeout of their own, and no system call that a signal could end.

use std::panic::Location;
use std::time::Duration;

use crate::alarm::Alarm;
use crate::error::TimedOut;
use crate::runtime;

impl Alarm {
    /// Calls `attempt` with a timeout until it returns a value, or until the alarm or one that encloses it expires.
    ///
    /// For channels, condition variables and locks: the standard library and parking_lot wait for these in a way that no
    /// signal ends, but with a timeout. `attempt` waits no longer than it is told and returns `None` if that was in vain.
    /// The timeout is 10 ms, or what is left until the deadline if that is less. So the deadline ends the wait on time.
    /// A [`ring`](Alarm::ring), from another thread or by a signal, is noticed at the end of a timeout: up to 10 ms late.
    /// A message, a notification or a free lock ends the timeout at once.
    ///
    /// Checks before each attempt. A value is returned also if the alarm has expired meanwhile. A panic of `attempt` passes on.
    ///
    /// # Errors
    ///
    /// [`TimedOut`], if that came first. With an expired alarm there is no attempt.
    ///
    /// # Examples
    ///
    /// A channel. Of the two `?` one is for the limit, the other for a channel without a sender:
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::sync::mpsc::{self, RecvTimeoutError};
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let receive = |alarm: &Alarm| {
    ///     alarm.wait_for(|timeout| match receiver.recv_timeout(timeout) {
    ///         Err(RecvTimeoutError::Timeout) => None,
    ///         result => Some(result),
    ///     })
    /// };
    ///
    /// sender.send(42)?;
    /// assert_eq!(receive(&Alarm::after(Duration::from_secs(10))?)??, 42);
    /// assert!(receive(&Alarm::after(Duration::from_millis(20))?).is_err()); // nothing came within the limit
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A condition variable. The mutex is locked anew for each attempt, and no notification is lost for it, because
    /// `wait_timeout_while` looks at the condition first:
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::sync::{Condvar, Mutex};
    /// use std::time::Duration;
    ///
    /// let (queue, filled) = (Mutex::new(vec![]), Condvar::new());
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         queue.lock().unwrap().push("job");
    ///         filled.notify_one();
    ///     });
    ///     let job = alarm.wait_for(|timeout| {
    ///         let locked = queue.lock().unwrap();
    ///         filled.wait_timeout_while(locked, timeout, |queue| queue.is_empty()).unwrap().0.pop()
    ///     });
    ///     assert_eq!(job.unwrap(), "job");
    /// });
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    ///
    /// A lock of parking_lot's:
    ///
    /// ```
    /// use parking_lot::Mutex;
    /// use sigalarm::Alarm;
    /// use std::time::Duration;
    ///
    /// let table = Mutex::new(0);
    /// let lock = |alarm: &Alarm| alarm.wait_for(|timeout| table.try_lock_for(timeout));
    ///
    /// let mut held = lock(&Alarm::after(Duration::from_secs(10))?)?;
    /// *held += 1;
    /// assert!(lock(&Alarm::after(Duration::from_millis(20))?).is_err()); // still held
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The standard library's `Mutex` has no lock with a timeout. Try it, and sleep in between:
    ///
    /// ```
    /// use sigalarm::Alarm;
    /// use std::sync::{Mutex, TryLockError};
    /// use std::time::Duration;
    ///
    /// let table = Mutex::new(0);
    /// let alarm = Alarm::after(Duration::from_secs(10))?;
    /// let mut held = alarm.wait_for(|timeout| match table.try_lock() {
    ///     Err(TryLockError::WouldBlock) => {
    ///         std::thread::sleep(timeout.min(Duration::from_millis(1)));
    ///         None
    ///     }
    ///     result => Some(result.unwrap()),
    /// })?;
    /// *held += 1;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    #[doc(alias("recv", "lock", "wait_timeout", "condvar", "channel"))]
    pub fn wait_for<T>(&self, mut attempt: impl FnMut(Duration) -> Option<T>) -> Result<T, TimedOut> {
        let location = Location::caller();
        loop {
            self.check_at(location)?;
            if let Some(value) = attempt(self.timeout()) {
                return Ok(value);
            }
            // The deadline may have passed before its signal was handled.
            runtime::recheck();
        }
    }
}
