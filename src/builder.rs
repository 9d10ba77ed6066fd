//! An alarm with more to it than a limit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::alarm::Alarm;
use crate::bell::Due;
use crate::error::ArmError;
use crate::os::clock;

/// What an alarm is to be; made by [`Alarm::builder`], ended by [`arm`](Builder::arm).
///
/// Without a deadline the alarm never expires by itself. Of two deadlines the last one given counts.
///
/// ```
/// use sigalarm::Alarm;
/// use std::time::Duration;
///
/// let alarm = Alarm::builder().after(Duration::from_secs(10)).label("solve").arm()?;
/// assert_eq!(alarm.label(), Some("solve"));
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is armed before `arm()`"]
pub struct Builder {
    due: Due,
    label: Option<Arc<str>>,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder { due: Due::Never, label: None }
    }

    /// Expires when `limit` has passed since it was armed; see [`Alarm::after`].
    pub fn after(self, limit: Duration) -> Builder {
        Builder { due: Due::After(limit), ..self }
    }

    /// Expires at `deadline`; see [`Alarm::at`].
    pub fn at(self, deadline: Instant) -> Builder {
        Builder { due: Due::At(clock::from_instant(deadline)), ..self }
    }

    /// What the limit is on, for the sentence that [`TimedOut`](crate::TimedOut) makes: "solve timed out …".
    pub fn label(self, label: impl Into<Arc<str>>) -> Builder {
        Builder { label: Some(label.into()), ..self }
    }

    /// Arms the alarm.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then nothing is armed.
    pub fn arm(self) -> Result<Alarm, ArmError> {
        Alarm::arm(self.due, self.label)
    }
}
