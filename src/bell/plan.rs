//! What an alarm is to be.

use std::sync::Arc;
use std::time::Duration;

use super::last_resort::Grace;
use crate::schedule::Budget;
use crate::time::Time;

/// When an alarm is to expire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    After(Duration),
    At(Time),
    Never,
}

impl Due {
    /// The limit, counted from now, and the deadline.
    pub(super) fn from(self, now: Time) -> (Option<Duration>, Time) {
        match self {
            Due::After(limit) => {
                let deadline = now.after(limit);
                ((!deadline.is_never()).then_some(limit), deadline)
            }
            Due::At(time) if !time.is_never() => (Some(time.since(now)), time),
            Due::At(_) | Due::Never => (None, Time::NEVER),
        }
    }
}

/// Whose processor time a limit is on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CpuOf {
    Process,
    Thread,
}

/// What an alarm is to be, as the one who wants it has it: a plan is looked at, and kept by nobody.
///
/// It is handed on by value and its parts are borrowed. So where an alarm has a limit and nothing else, the compiler
/// knows it all the way down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) due: Due,
    pub(crate) label: Option<&'a Arc<str>>,
    pub(crate) wishes: Option<&'a Wishes>,
}

/// What few alarms have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) cpu: Option<(CpuOf, Duration)>,
    pub(crate) budget: Option<Budget>,
    pub(crate) signals: u32,
    pub(crate) last_resort: Option<Grace>,
    pub(crate) audit: Option<Duration>,
}

impl Plan<'_> {
    pub(crate) fn new(due: Due) -> Self {
        Plan { due, label: None, wishes: None }
    }

    /// Whether such an alarm needs neither timer nor handler: nothing but checks or a [`ring`](super::ring) expires it, or
    /// it counts checks, so that each of them comes and looks at the clock.
    pub(super) fn stands_by(&self, deadline: Time) -> bool {
        match self.wishes {
            None => deadline.is_never(),
            Some(wishes) => {
                (deadline.is_never() || wishes.budget.is_some())
                    && wishes.cpu.is_none()
                    && wishes.signals == 0
                    && wishes.last_resort.is_none()
                    && wishes.audit.is_none()
            }
        }
    }
}
