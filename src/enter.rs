use std::marker::PhantomData;

use crate::alarm::Alarm;
use crate::not_send::NotSend;
use crate::runtime;
use crate::schedule::{Key, Standing};

/// A guard, returned by [`Alarm::enter`], whose drop leaves the entered alarm.
/// ```
/// let alarm = sigalarm::testing::never();
/// let entered: sigalarm::Entered<'_> = alarm.enter();
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the alarm: write `let _entered = …;` (`let _ = …;` drops it at once)"]
pub struct Entered<'a> {
    standing: Standing,
    alarm: PhantomData<&'a Alarm>,
    not_send: NotSend,
}

impl Alarm {
    /// Enters the alarm on the calling thread, whose [`checkpoint`](crate::checkpoint)s then check the alarm too.
    ///
    /// The entered alarm encloses alarms that the calling thread arms later. It is enclosed by the thread's earlier
    /// alarms, and by those that enclose it on its arming thread.
    /// ```
    /// let alarm: &sigalarm::Alarm = &sigalarm::testing::expired();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         let _entered = alarm.enter();
    ///         assert!(sigalarm::checkpoint().is_err());
    ///     });
    /// });
    /// ```
    pub fn enter(&self) -> Entered<'_> {
        Entered::new(self.key)
    }
}

impl Entered<'_> {
    pub(crate) fn new(key: Key) -> Self {
        Entered { standing: runtime::enter(key), alarm: PhantomData, not_send: PhantomData }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        runtime::leave(self.standing);
    }
}
