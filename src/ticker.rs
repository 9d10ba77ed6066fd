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
/// A late call of [`ticks`](Ticker::ticks) counts every period that has ended. In a forked child `ticks` returns 0.
/// ```
/// let ticker = sigalarm::Ticker::every(std::time::Duration::from_millis(10)).unwrap();
/// for step in 0..1_000_000 {
///     if ticker.ticks() > 0 {
///         println!("step {step}");
///     }
/// }
/// ```
#[must_use = "dropping the ticker disarms it: write `let ticker = …;` (`let _ = …;` drops it at once)"]
pub struct Ticker {
    key: Key,
    period: Duration,
    flag: &'static Registered<Flag>,
    not_send: NotSend,
}

impl Ticker {
    /// Arms a ticker. Each period costs a signal, so a period should be 50 µs or longer. Does not block.
    ///
    /// # Errors
    ///
    /// [`ArmError`] for a period of zero, or if a system call fails; then nothing is armed.
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

    /// Returns how many periods have ended since the last call on any thread, or since arming. Until a period ends, a
    /// call costs a load and a branch.
    /// ```
    /// let ticker = sigalarm::Ticker::every(std::time::Duration::from_millis(2)).unwrap();
    /// std::thread::sleep(ticker.period() * 4);
    /// assert!(ticker.ticks() >= 3);
    /// ```
    #[inline]
    pub fn ticks(&self) -> u64 {
        if self.flag.is_set() {
            return runtime::ticks(&self.key, self.flag);
        }
        0
    }

    /// Returns the period.
    /// ```
    /// let second = std::time::Duration::from_secs(1);
    /// assert_eq!(sigalarm::Ticker::every(second).unwrap().period(), second);
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
