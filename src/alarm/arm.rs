//! Arming an alarm.

use std::panic::Location;
use std::time::{Duration, Instant};

use super::Alarm;
use crate::builder::AlarmBuilder;
use crate::error::ArmError;
use crate::os::clock;
use crate::runtime::{self, Due, Plan};
use crate::schedule::Key;

impl Alarm {
    /// Arms an alarm that expires `limit` from now, never earlier.
    ///
    /// After a limit of zero the first check returns an error. [`Duration::MAX`], and every limit over 584 years, never
    /// passes. Does not block.
    ///
    /// # Errors
    ///
    /// [`ArmError`] if a system call fails; then nothing is armed. If the kernel refuses a timer, checks read the clock.
    ///
    /// A function that returns both `ArmError` and [`TimedOut`](crate::TimedOut) can convert them to
    /// [`io::Error`](std::io::Error):
    ///
    /// ```
    /// fn limited() -> std::io::Result<()> {
    ///     let alarm = sigalarm::Alarm::after(std::time::Duration::ZERO)?; // may return an `ArmError`
    ///     Ok(alarm.check()?) // may return a `TimedOut`
    /// }
    /// assert!(limited().is_err());
    /// ```
    #[inline]
    #[track_caller]
    pub fn after(limit: Duration) -> Result<Alarm, ArmError> {
        let mut error = None;
        Alarm::from_armed(arm_after(limit, Location::caller(), &mut error), error)
    }

    /// Arms an alarm that expires at `deadline`; otherwise as [`after`](Alarm::after).
    ///
    /// ```
    /// assert!(sigalarm::Alarm::at(std::time::Instant::now())?.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn at(deadline: Instant) -> Result<Alarm, ArmError> {
        let mut error = None;
        Alarm::from_armed(arm_at(deadline, Location::caller(), &mut error), error)
    }

    /// Arms an alarm without a deadline, which only a [`ring`](Alarm::ring) expires.
    ///
    /// Installs no handler and sets no timer.
    ///
    /// ```
    /// assert_eq!(sigalarm::Alarm::never()?.limit(), None);
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    #[inline]
    #[track_caller]
    pub fn never() -> Result<Alarm, ArmError> {
        let mut error = None;
        Alarm::from_armed(arm_never(Location::caller(), &mut error), error)
    }

    /// Returns a builder for an alarm with a label or further limits.
    ///
    /// ```
    /// assert!(sigalarm::Alarm::builder().check_limit(0).arm()?.is_expired());
    /// # Ok::<(), sigalarm::ArmError>(())
    /// ```
    pub fn builder() -> AlarmBuilder {
        AlarmBuilder::new()
    }

    /// Inlining lets the arming function return a `Key` in registers, and not a `Result` in memory.
    #[inline(always)]
    fn from_armed(key: Option<Key>, error: Option<ArmError>) -> Result<Alarm, ArmError> {
        match (key, error) {
            (Some(key), _) => Ok(Alarm::of(key, None)),
            (None, Some(e)) => Err(e),
            (None, None) => unreachable!("arming returned neither a key nor an error"),
        }
    }
}

type Site = &'static Location<'static>;

#[inline(never)]
fn arm_after(limit: Duration, site: Site, error: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::After(limit), site, error)
}

#[inline(never)]
fn arm_at(deadline: Instant, site: Site, error: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::At(clock::from_instant(deadline)), site, error)
}

#[inline(never)]
fn arm_never(site: Site, error: &mut Option<ArmError>) -> Option<Key> {
    arm(Due::Never, site, error)
}

#[inline(always)]
fn arm(due: Due, site: Site, error: &mut Option<ArmError>) -> Option<Key> {
    match runtime::arm(Plan::new(due, site)) {
        Ok(key) => Some(key),
        Err(e) => {
            *error = Some(e);
            None
        }
    }
}
