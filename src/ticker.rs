//! Progress at safe points.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::error::ArmError;
use crate::os::flag::Flag;
use crate::runtime::{self, Registered};
use crate::schedule::Key;
use crate::stays::StaysOnItsThread;

/// Says, when asked, how many periods have passed: for a progress line, a checkpoint file, a look at the queue.
///
/// Asking costs what a check costs, so it can be done in the innermost loop. Periods are counted from the moment of
/// arming by the monotonic clock: none is lost, none is added, and nothing drifts, however late it is asked. Any
/// number of tickers share their thread's timer with its alarms.
///
/// While it lives the timer's signal comes once a period, as long as [`ticks`](Ticker::ticks) is called; see
/// [`Alarm`](crate::Alarm) for what else it changes in the process. In a forked child it is inert.
///
/// # Examples
///
/// ```
/// use sigalarm::{Alarm, Ticker};
/// use std::time::Duration;
///
/// let alarm = Alarm::after(Duration::from_millis(35))?;
/// let ticker = Ticker::every(Duration::from_millis(10))?;
/// let (mut steps, mut ticks) = (0_u64, 0);
/// while alarm.check().is_ok() {
///     steps += 1;
///     let passed = ticker.ticks();
///     if passed > 0 {
///         ticks += passed;
///         println!("{steps} steps");
///     }
/// }
/// ticks += ticker.ticks(); // what has passed since
/// assert!(ticks >= 3);
/// # Ok::<(), sigalarm::ArmError>(())
/// ```
#[must_use = "dropping the ticker disarms it: write `let ticker = …;` (`let _ = …;` drops it at once)"]
pub struct Ticker {
    key: Key,
    period: Duration,
    flag: &'static Registered<Flag>,
    stays: StaysOnItsThread,
}

impl Ticker {
    /// Arms a ticker. The first period begins now.
    ///
    /// The period counts in nanoseconds; [`Duration::MAX`] never passes. Below some tens of microseconds the signals
    /// cost more than they are worth: ask for the time instead. Does not block.
    ///
    /// # Errors
    ///
    /// [`ArmError`] for a period of zero, or if a system call fails; then nothing is armed.
    ///
    /// # Examples
    ///
    /// ```
    /// use sigalarm::Ticker;
    /// use std::time::Duration;
    ///
    /// let ticker = Ticker::every(Duration::from_secs(1))?;
    /// assert_eq!(ticker.period(), Duration::from_secs(1));
    /// assert!(Ticker::every(Duration::ZERO).is_err());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn every(period: Duration) -> Result<Ticker, ArmError> {
        if period.is_zero() {
            return Err(ArmError::period());
        }
        let (key, flag) = runtime::arm_ticker(period)?;
        Ok(Ticker { key, period, flag, stays: PhantomData })
    }

    /// How many periods have passed since it was last asked, or armed.
    ///
    /// One load and one branch that is not taken, as long as the answer is zero. Any thread may ask; each period is
    /// told once.
    ///
    /// ```
    /// use sigalarm::Ticker;
    /// use std::time::Duration;
    ///
    /// let ticker = Ticker::every(Duration::from_millis(2))?;
    /// std::thread::sleep(Duration::from_millis(7));
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

    /// The period that it was armed with.
    ///
    /// ```
    /// use sigalarm::Ticker;
    /// use std::time::{Duration, Instant};
    ///
    /// let began = Instant::now();
    /// let ticker = Ticker::every(Duration::from_millis(2))?;
    /// std::thread::sleep(Duration::from_millis(7));
    /// let passed = ticker.period() * ticker.ticks() as u32;
    /// assert!(passed >= Duration::from_millis(6) && passed <= began.elapsed());
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
