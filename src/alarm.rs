//! The guard.

mod arm;
mod check;
mod control;
mod inspect;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::not_send::NotSend;
use crate::runtime;
use crate::schedule::Key;

/// A guard that limits a computation until the guard is dropped.
///
/// Arming sets a timer that sends SIGALRM ([setitimer(2)], [timer_create(2)]). After the limit [`check`](Alarm::check)
/// returns a [`TimedOut`](crate::TimedOut). A computation without checks never stops.
///
/// - Alarms nest, on any threads, and drop in any order. After an outer alarm expires, inner checks return its error.
/// - The last guard of a thread restores its signal mask. The last guard of the process restores the previous handler.
/// - The guard is not `Send`. Other threads check and change the alarm through `&Alarm`.
/// - After [`std::mem::forget`] the alarm encloses every later alarm of its thread.
/// - Limits use the monotonic clock. On Linux it stops while the machine is suspended.
/// - In a forked child the guard is inert: its checks return `Ok`, and its drop does nothing.
///
/// ```
/// let alarm = sigalarm::Alarm::after(std::time::Duration::from_millis(5))?;
/// while alarm.check().is_ok() {}
/// assert!(alarm.elapsed().as_millis() >= 5);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
///
/// [setitimer(2)]: https://man7.org/linux/man-pages/man2/setitimer.2.html
/// [timer_create(2)]: https://man7.org/linux/man-pages/man2/timer_create.2.html
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct Alarm {
    key: Key,
    label: Option<Arc<str>>,
    not_send: NotSend,
}

impl Alarm {
    pub(crate) fn of(key: Key, label: Option<Arc<str>>) -> Alarm {
        Alarm { key, label, not_send: PhantomData }
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = runtime::release(self.key); // A forked child has nothing to release.
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm")
            .field("id", &self.id())
            .field("label", &self.label())
            .field("limit", &self.limit())
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}
