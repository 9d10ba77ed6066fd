//! A limit on the number of checks.

use std::panic::Location;

use crate::error::Cause;

/// The number of checks that an alarm allows, and the number that it has counted.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// How many checks return `Ok`.
    pub(crate) checks: u64,
    /// The cause of the expiry at the check after these.
    pub(crate) cause: Cause,
    /// A restart of the alarm renews the budget.
    pub(crate) renews: bool,
    /// How many checks may return an error of this alarm before [`is_overrun`](Budget::is_overrun) returns true.
    pub(crate) errors_allowed: u64,
    /// The location of each counted check, if recorded.
    pub(crate) locations: Option<Vec<&'static Location<'static>>>,
    /// How many checks were counted, with those after the expiry.
    pub(crate) counted: u64,
    /// How many of them returned an error of this alarm.
    pub(crate) errors: u64,
    /// The first of these, counted from 1.
    pub(crate) first_error: Option<u64>,
    /// The check at which the alarm expires, counted from 1.
    expires_at: u64,
}

impl Budget {
    /// Returns a budget that a restart renews.
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

    /// Counts a check, and returns whether the budget is spent.
    pub(super) fn count(&mut self, location: &'static Location<'static>) -> bool {
        self.counted += 1;
        if let Some(locations) = &mut self.locations {
            locations.push(location);
        }
        self.counted >= self.expires_at
    }

    /// Records that the last counted check returned an error of this alarm.
    pub(super) fn note_error(&mut self) {
        self.errors += 1;
        self.first_error.get_or_insert(self.counted);
    }

    pub(crate) fn is_overrun(&self) -> bool {
        self.errors > self.errors_allowed
    }

    /// Renews the budget. A budget that does not renew expires its alarm at most once.
    pub(super) fn restart(&mut self) {
        self.expires_at = match self.renews {
            true => self.counted.saturating_add(self.checks).saturating_add(1),
            false if self.counted <= self.checks => self.checks.saturating_add(1),
            false => u64::MAX,
        };
    }

    /// Disables expiry until a restart, after an expiry or a disarm. Checks are still counted.
    pub(super) fn suspend(&mut self) {
        self.expires_at = u64::MAX;
    }
}
