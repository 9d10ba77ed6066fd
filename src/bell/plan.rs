//! What an alarm is to be.

use std::sync::Arc;
use std::time::Duration;

use super::last_resort::Grace;
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

/// What an alarm is to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) due: Due,
    pub(crate) label: Option<Arc<str>>,
    /// What few alarms have, kept apart so that the others stay small.
    pub(crate) wishes: Option<Box<Wishes>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) cpu: Option<(CpuOf, Duration)>,
    pub(crate) checks: Option<u64>,
    pub(crate) signals: u32,
    pub(crate) last_resort: Option<Grace>,
    pub(crate) audit: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(due: Due) -> Plan {
        Plan { due, label: None, wishes: None }
    }
}
