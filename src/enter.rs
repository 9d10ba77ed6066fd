//! An alarm on a thread that is not its own.

use std::marker::PhantomData;

use crate::alarm::Alarm;
use crate::runtime;
use crate::schedule::{Key, Standing};
use crate::stays::StaysOnItsThread;

/// While it lives, an alarm is one of this thread's; made by [`Alarm::enter`] and
/// [`AlarmHandle::enter`](crate::AlarmHandle::enter).
///
/// ```
/// use sigalarm::{Alarm, checkpoint};
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::ZERO)?;
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let entered = alarm.enter();
///         assert!(checkpoint().is_err());
///         drop(entered);
///         assert!(checkpoint().is_ok()); // none of this thread's any more
///     });
/// });
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the alarm: write `let _entered = …;` (`let _ = …;` drops it at once)"]
pub struct Entered<'a> {
    standing: Standing,
    alarm: PhantomData<&'a Alarm>,
    stays: StaysOnItsThread,
}

impl Alarm {
    /// Makes the alarm one of the calling thread's, so that [`checkpoint`](crate::checkpoint) there asks it as well:
    /// for scoped threads and thread pools, whose code carries no guard.
    ///
    /// It takes its place inside the alarms that the thread has, and outside of those that it will arm. What
    /// encloses the alarm at home, encloses it here too. Does not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::{Alarm, checkpoint};
    /// use std::time::Duration;
    ///
    /// let alarm = Alarm::after(Duration::ZERO)?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         assert!(checkpoint().is_ok()); // not this thread's alarm
    ///         let _entered = alarm.enter();
    ///         assert!(alarm.owns(&checkpoint().unwrap_err()));
    ///     });
    /// });
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self.key())
    }
}

impl Entered<'_> {
    pub(crate) fn new(key: Key) -> Self {
        Entered { standing: runtime::enter(key), alarm: PhantomData, stays: PhantomData }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        runtime::leave(self.standing);
    }
}
