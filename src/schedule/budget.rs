use std::panic::Location;

use super::{Entry, Key, Schedule, Scope};
use crate::error::AlarmId;
use crate::testing::Record;
use crate::time::{CpuClock, Time};

#[derive(Clone, Debug)]
pub(crate) struct Budget {
    /// How many checks return `Ok` before the alarm expires.
    pub(crate) checks: u64,
    /// How many more checks return `Ok`. `u64::MAX` means no limit.
    pub(crate) left: u64,
    pub(crate) record: Option<Record>,
}

impl Budget {
    pub(crate) fn new(checks: u64) -> Budget {
        Budget { checks, left: checks, record: None }
    }

    fn count(&mut self, location: &'static Location<'static>) -> bool {
        if let Some(record) = &mut self.record {
            record.locations.push(location);
        }
        let is_spent = self.left == 0;
        self.left = self.left.saturating_sub(1);
        is_spent
    }

    /// Restores the limit. An alarm with a `record` still counts its checks before the restart.
    pub(super) fn restart(&mut self) {
        let counted = self.record.as_ref().map_or(0, Record::checks);
        self.left = self.checks.checked_sub(counted).unwrap_or(u64::MAX);
    }

    pub(super) fn suspend(&mut self) {
        self.left = u64::MAX;
    }
}

impl Schedule {
    pub(crate) fn any_counting(&self) -> bool {
        !self.with_check_limit.is_empty()
    }

    pub(crate) fn expire_counting(&mut self, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time> + Copy) {
        for at in 0..self.with_check_limit.len() {
            self.expire(self.with_check_limit[at].0, now, cpu_now);
        }
    }

    /// Counts a check for those alarms of a thread whose ids are above `shield` and at most `innermost`.
    pub(crate) fn count(
        &mut self,
        (scope, innermost): (Scope, AlarmId),
        shield: AlarmId,
        location: &'static Location<'static>,
        now: Time,
    ) {
        for at in 0..self.with_check_limit.len() {
            let (home, key) = self.with_check_limit[at];
            if home != scope || key.id > innermost || key.id <= shield {
                continue;
            }
            let budget = self.entries.get_mut(key).and_then(Entry::budget_mut);
            if budget.is_some_and(|budget| budget.count(location)) {
                self.change(key, |entry| entry.spend_budget(now));
            }
        }
        // The loop above covers the alarms that this thread armed. The check also uses up the limits of other threads' alarms
        // that this thread has entered, and of the alarms around those.
        let entered: Vec<(Scope, AlarmId)> =
            self.entered_in(scope, innermost).map(|entry| (entry.scope, entry.id)).collect();
        for entry in entered {
            self.count(entry, shield, location, now);
        }
    }

    pub(crate) fn note_error(&mut self, key: Key, location: &'static Location<'static>) {
        let budget = self.entries.get_mut(key).and_then(Entry::budget_mut);
        if let Some(record) = budget.and_then(|budget| budget.record.as_mut()) {
            record.note_error(key.id, location);
        }
    }
}
