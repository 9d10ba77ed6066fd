//! The settings of an alarm.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::watchdog::Grace;
use crate::schedule::Budget;
use crate::time::Time;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    After(Duration),
    At(Time),
    Never,
}

impl Due {
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

#[derive(Clone, Copy, Debug)]
pub(crate) enum CpuOf {
    Process,
    Thread,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) due: Due,
    pub(crate) label: Option<&'a Arc<str>>,
    pub(crate) wishes: Option<&'a Wishes>,
    pub(crate) location: &'static Location<'static>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) cpu: Option<(CpuOf, Duration)>,
    pub(crate) budget: Option<Budget>,
    pub(crate) signals: u32,
    pub(crate) period: Option<Duration>,
    pub(crate) watchdog: Option<Grace>,
    pub(crate) audit: Option<Duration>,
    pub(crate) flag: Option<Arc<AtomicBool>>,
}

impl Plan<'_> {
    pub(crate) fn new(due: Due, location: &'static Location<'static>) -> Self {
        Plan { due, label: None, wishes: None, location }
    }
}
