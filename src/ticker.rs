//! Progress reports from a computation.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::error::ArmError;
use crate::not_send::NotSend;
use crate::os::flag::Flag;
use crate::runtime::{self, Registered};
use crate::schedule::Key;

/// A guard that counts periods, for a progress line or a checkpoint file.
///
/// Periods count from arming by the monotonic clock. None is lost, and the count does not drift. The timer sends one
/// signal per period, while [`ticks`](Ticker::ticks) is called. In a forked child the ticker is inert. Otherwise see [`Alarm`](crate::Alarm).
///
/// ```
/// use sigalarm::{Alarm, Ticker};
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::from_millis(35))?;
/// let ticker = Ticker::every(Duration::from_millis(10))?;
/// while alarm.check().is_ok() {
///     if ticker.ticks() > 0 {
///         println!("{:?} passed", alarm.elapsed());
///     }
/// }
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[must_use = "dropping the ticker disarms it: write `let ticker = …;` (`let _ = …;` drops it at once)"]
pub struct Ticker {
    key: Key,
    period: Duration,
    flag: &'static Registered<Flag>,
    not_send: NotSend,
}

impl Ticker {
    /// Arms a ticker, whose first period begins now. Does not block.
    ///
    /// [`Duration::MAX`] never passes. With periods below 50 µs the signals cost more than reading the clock.
    ///
    /// # Errors
    ///
    /// [`ArmError`] for a period of zero, or if a system call fails; then nothing is armed.
    ///
    /// ```
    /// assert!(sigalarm::Ticker::every(std::time::Duration::ZERO).is_err());
    /// ```
    pub fn every(period: Duration) -> Result<Ticker, ArmError> {
        if period.is_zero() {
            return Err(ArmError::period());
        }
        let (key, flag) = runtime::arm_ticker(period)?;
        Ok(Ticker { key, period, flag, not_send: PhantomData })
    }

    /// Returns the number of periods that have passed since the last call, or since arming.
    ///
    /// Costs one load and one branch while it returns zero. Any thread may call it; each period counts in one call.
    ///
    /// ```
    /// let ticker = sigalarm::Ticker::every(std::time::Duration::from_millis(2))?;
    /// std::thread::sleep(ticker.period() * 4);
    /// assert!(ticker.ticks() >= 3);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    pub fn ticks(&self) -> u64 {
        if self.flag.is_set() {
            return runtime::ticks(&self.key, self.flag);
        }
        0
    }

    /// Returns the period.
    ///
    /// ```
    /// let second = std::time::Duration::from_secs(1);
    /// assert_eq!(sigalarm::Ticker::every(second)?.period(), second);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        runtime::release_ticker(self.key, self.flag);
    }
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticker").field("period", &self.period).finish_non_exhaustive()
    }
}
