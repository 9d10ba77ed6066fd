use std::panic::Location;

use super::{Entry, Key, Schedule, Scope};
use crate::error::{AlarmId, Cause};
use crate::time::{CpuClock, Time};

/// The checks that an alarm allows, and those that it has counted.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// How many checks return `Ok`.
    pub(crate) checks: u64,
    pub(crate) cause: Cause,
    /// A restart of the alarm renews the budget.
    pub(crate) renews: bool,
    /// The limit of `errors`.
    pub(crate) errors_allowed: u64,
    /// The locations of the counted checks, if recorded.
    pub(crate) locations: Option<Vec<&'static Location<'static>>>,
    pub(crate) counted: u64,
    /// How many checks returned an error of this alarm.
    pub(crate) errors: u64,
    /// The first of these checks, counted from 1.
    pub(crate) first_error: Option<u64>,
    /// The check that expires the alarm, counted from 1.
    expires_at: u64,
}

impl Budget {
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

    /// Renews the budget. A budget that does not renew expires its alarm once.
    pub(super) fn restart(&mut self) {
        self.expires_at = match self.renews {
            true => self.counted.saturating_add(self.checks).saturating_add(1),
            false if self.counted <= self.checks => self.checks.saturating_add(1),
            false => u64::MAX,
        };
    }

    /// Disables the expiry until a restart.
    pub(super) fn suspend(&mut self) {
        self.expires_at = u64::MAX;
    }
}

impl Schedule {
    pub(crate) fn any_counting(&self) -> bool {
        !self.counting.is_empty()
    }

    /// Expires due alarms of threads with a check limit, whose checks read the clock.
    pub(crate) fn expire_counting(&mut self, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time> + Copy) {
        for at in 0..self.counting.len() {
            self.expire(self.counting[at].0, now, cpu_now);
        }
    }

    /// Counts a check by `asker`, for an alarm and those that enclose it.
    pub(crate) fn count_around(
        &mut self,
        key: Key,
        asker: Scope,
        location: &'static Location<'static>,
        now: Time,
    ) {
        let shield = self.shield_of(asker);
        if let Some(entry) = self.get(key) {
            self.count((entry.scope, entry.id), shield, location, now);
        }
    }

    /// Counts a check of a scope's alarms after `shield`, up to `innermost`.
    pub(crate) fn count(
        &mut self,
        (scope, innermost): (Scope, AlarmId),
        shield: AlarmId,
        location: &'static Location<'static>,
        now: Time,
    ) {
        for at in 0..self.counting.len() {
            let (home, key) = self.counting[at];
            if home != scope || key.id > innermost || key.id <= shield {
                continue;
            }
            let budget = self.entries.get_mut(key).and_then(Entry::budget_mut);
            if budget.is_some_and(|budget| budget.count(location)) {
                self.change(key, |entry| entry.spend_budget(now));
            }
        }
        if self.entered.is_empty() {
            return;
        }
        // As in `outermost`, enclosing alarms count too.
        let entered: Vec<(Scope, AlarmId)> =
            self.entered_in(scope, innermost).map(|entry| (entry.scope, entry.id)).collect();
        for entry in entered {
            self.count(entry, shield, location, now);
        }
    }

    pub(crate) fn note_error(&mut self, key: Key) {
        if let Some(budget) = self.entries.get_mut(key).and_then(Entry::budget_mut) {
            budget.note_error();
        }
    }
}
