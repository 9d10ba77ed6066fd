use std::marker::PhantomData;

use crate::alarm::Alarm;
use crate::not_send::NotSend;
use crate::runtime;
use crate::schedule::{Key, Standing};

/// A guard, returned by [`Alarm::enter`], whose drop undoes the call.
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
    /// Enters the alarm on the calling thread: the thread's [`checkpoint`](crate::checkpoint)s then check this alarm
    /// too.
    ///
    /// The entered alarm encloses the alarms that the calling thread arms later. The calling thread's earlier alarms
    /// enclose it, and so do the alarms that enclose it on the thread that armed it.
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
