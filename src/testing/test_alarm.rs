use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

use super::record::{Record, Stop};
use super::report_if_panicking;
use crate::alarm::Alarm;
use crate::error::{Cause, SourceLocation};
use crate::runtime::{self, Due, Plan, Wishes};
use crate::schedule::{Budget, Entry};

/// An alarm that expires at a given check; see [the module](super). A drop in a panic prints where the alarm expired.
/// ```
/// let alarm: sigalarm::testing::TestAlarm = sigalarm::testing::at_check(4);
/// assert_eq!((0..9).take_while(|_| alarm.check().is_ok()).count(), 3);
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard disarms it: write `let _alarm = …;` (`let _ = …;` drops it at once)"]
pub struct TestAlarm {
    alarm: Alarm,
    blank: Record,
}

/// Arms an alarm that expires at the `n`-th check, counted from 1.
///
/// Panics if `n` is zero, or if no alarm can be armed.
/// ```
/// let alarm = sigalarm::testing::at_check(2);
/// assert!(alarm.check().is_ok() && alarm.check().is_err());
/// ```
#[track_caller]
pub fn at_check(n: u64) -> TestAlarm {
    assert!(n != 0, "checks are counted from 1");
    TestAlarm::arm(Record { stop_at: n, ..Record::default() })
}

/// Arms an alarm with a limit of zero.
/// ```
/// assert!(sigalarm::testing::expired().check().is_err());
/// ```
#[track_caller]
pub fn expired() -> TestAlarm {
    TestAlarm::arm(Record { stop_at: 0, ..Record::default() })
}

/// Arms an alarm without a limit, to record checks.
/// ```
/// let alarm = sigalarm::testing::never();
/// assert!(alarm.check().is_ok() && alarm.checks() == 1);
/// ```
#[track_caller]
pub fn never() -> TestAlarm {
    TestAlarm::arm(Record::default())
}

impl TestAlarm {
    #[track_caller]
    pub(super) fn arm(blank: Record) -> TestAlarm {
        let (due, stop_at) = match blank {
            Record { stop_at: 0, cause: Cause::Deadline, .. } => (Due::After(Duration::ZERO), u64::MAX),
            Record { stop_at, .. } => (Due::Never, stop_at),
        };
        let budget = Budget { record: Some(blank.clone()), ..Budget::new(stop_at.saturating_sub(1)) };
        let wishes = Wishes { budget: Some(budget), ..Wishes::default() };
        match runtime::arm(Plan { wishes: Some(&wishes), ..Plan::new(due, Location::caller()) }) {
            Ok(key) => TestAlarm { alarm: Alarm::of(key, None), blank },
            Err(e) => panic!("no test alarm: {e}"),
        }
    }

    pub(super) fn read<T: Default>(&self, read: impl Fn(&Record) -> T) -> T {
        let read = |entry: &Entry, _| entry.more().budget.as_ref()?.record.as_ref().map(&read);
        runtime::inspect(self.key, read).flatten().unwrap_or_default()
    }

    /// Replaces the alarm by a new one that expires with this cause.
    /// ```
    /// let alarm = sigalarm::testing::at_check(1).cause(sigalarm::Cause::Rung);
    /// assert_eq!(alarm.check().unwrap_err().cause(), sigalarm::Cause::Rung);
    /// ```
    pub fn cause(self, cause: Cause) -> TestAlarm {
        TestAlarm::arm(Record { cause, ..self.blank.clone() })
    }

    /// Replaces the alarm by a new one with this [patience](super::EachCheck::patience).
    /// ```should_panic
    /// let alarm = sigalarm::testing::at_check(1).patience(100);
    /// while alarm.check().is_err() {}
    /// ```
    pub fn patience(self, checks: u64) -> TestAlarm {
        TestAlarm::arm(Record { patience: checks, ..self.blank.clone() })
    }

    /// Returns the number of checks so far.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.checks() == 1);
    /// ```
    pub fn checks(&self) -> u64 {
        self.read(Record::checks)
    }

    /// Returns the location of each check so far, in order.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.locations().len() == 1);
    /// ```
    pub fn locations(&self) -> Vec<SourceLocation> {
        self.read(|record| record.locations.iter().copied().map(SourceLocation::from).collect())
    }

    /// Returns the check at which the alarm expired; `None` before it.
    /// ```
    /// let alarm = sigalarm::testing::expired();
    /// assert!(alarm.is_expired() && alarm.stop().is_some());
    /// ```
    pub fn stop(&self) -> Option<Stop> {
        self.read(|record| record.stop.clone())
    }
}

impl Deref for TestAlarm {
    type Target = Alarm;

    fn deref(&self) -> &Alarm {
        &self.alarm
    }
}

impl Drop for TestAlarm {
    fn drop(&mut self) {
        report_if_panicking(|| self.read(Record::clone).to_string());
    }
}
