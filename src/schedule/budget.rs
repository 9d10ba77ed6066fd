//! A limit on the number of checks.

use std::panic::Location;

use crate::error::Cause;

/// How many checks an alarm allows, and a count of those that it has seen.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// How many checks are `Ok`.
    pub(crate) checks: u64,
    /// Why the alarm expires at the check after them.
    pub(crate) cause: Cause,
    /// Whether a restart of the alarm gives the whole budget again.
    pub(crate) renews: bool,
    /// How many checks may err with this alarm before [`is_overrun`](Budget::is_overrun) says so.
    pub(crate) errors_allowed: u64,
    /// Where each counted check stands, if that is to be recorded.
    pub(crate) locations: Option<Vec<&'static Location<'static>>>,
    /// How many checks were counted, those after the expiry included.
    pub(crate) counted: u64,
    /// How many of them have erred with this alarm.
    pub(crate) errors: u64,
    /// Which check erred first, counted from 1.
    pub(crate) first_error: Option<u64>,
    /// From which check on the alarm is to expire, counted from 1.
    expires_at: u64,
}

impl Budget {
    /// A budget that a restart renews.
    pub(crate) fn new(checks: u64) -> Budget {
        Budget {
            checks,
            cause: Cause::Checks,
            renews: true,
            errors_allowed: u64::MAX,
            locations: None,
            counted: 0,
            errors: 0,
            first_error: None,
            expires_at: checks.saturating_add(1),
        }
    }

    /// Counts a check; says whether the budget is spent.
    pub(super) fn count(&mut self, location: &'static Location<'static>) -> bool {
        self.counted += 1;
        if let Some(locations) = &mut self.locations {
            locations.push(location);
        }
        self.counted >= self.expires_at
    }

    /// The check that was counted last errs with this alarm.
    pub(super) fn note_error(&mut self) {
        self.errors += 1;
        self.first_error.get_or_insert(self.counted);
    }

    pub(crate) fn is_overrun(&self) -> bool {
        self.errors > self.errors_allowed
    }

    /// The alarm is restarted. A budget that is not renewed expires it once.
    pub(super) fn restart(&mut self) {
        self.expires_at = match self.renews {
            true => self.counted.saturating_add(self.checks).saturating_add(1),
            false if self.counted <= self.checks => self.checks.saturating_add(1),
            false => u64::MAX,
        };
    }

    /// The alarm has expired for this, or is disarmed: until a restart checks are counted, and none expires it.
    pub(super) fn suspend(&mut self) {
        self.expires_at = u64::MAX;
    }
}
