use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Budget, Scope};
use crate::error::{AlarmId, Cause};
use crate::time::{CpuClock, Time};

#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) limit: Option<Duration>,
    pub(crate) deadline: Time,
    pub(crate) location: &'static Location<'static>,
    pub(crate) more: Option<Box<More>>,
}

/// Settings that few alarms have.
#[derive(Clone, Debug)]
pub(crate) struct More {
    pub(crate) cpu: Option<Cpu>,
    pub(crate) budget: Option<Budget>,
    /// One bit for each signal that expires the alarm.
    pub(crate) signals: u32,
    pub(crate) is_watched: bool,
    pub(crate) period: Option<Duration>,
    pub(crate) reported: u64,
    pub(crate) flag: Option<Arc<AtomicBool>>,
    /// When the first pause began, and how many pauses last.
    pub(crate) paused: Option<(Time, usize)>,
}

impl More {
    pub(crate) const NONE: More = More {
        cpu: None,
        budget: None,
        signals: 0,
        is_watched: false,
        period: None,
        reported: 0,
        flag: None,
        paused: None,
    };
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) clock: CpuClock,
    pub(crate) limit: Duration,
    pub(crate) since: Time,
    pub(crate) probe: Time,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: AlarmId,
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) limit: Option<Duration>,
    pub(crate) since: Time,
    pub(crate) deadline: Time,
    pub(crate) location: &'static Location<'static>,
    pub(super) more: Option<Box<More>>,
    pub(crate) expired: Option<Cause>,
    /// The cause of the first `ring`. Only a restart or `disarm` clears it.
    pub(super) rung: Option<Cause>,
    pub(super) needs_signal: bool,
}

impl Entry {
    pub(crate) fn more(&self) -> &More {
        self.more.as_deref().unwrap_or(&More::NONE)
    }

    pub(crate) fn elapsed(&self, now: Time) -> Duration {
        self.clock(now).since(self.since)
    }

    pub(crate) fn remaining(&self, now: Time) -> Option<Duration> {
        (!self.deadline.is_never()).then(|| self.deadline.since(self.clock(now)))
    }

    fn clock(&self, now: Time) -> Time {
        self.more().paused.map_or(now, |(since, _)| since)
    }

    pub(crate) fn due(&self) -> Time {
        if self.more().paused.is_some() { Time::NEVER } else { self.deadline }
    }

    #[inline(always)]
    pub(super) fn moment(&self) -> Time {
        match self.more.as_deref() {
            None => self.deadline,
            Some(more) => self.due().min(more.cpu.map_or(Time::NEVER, |cpu| cpu.probe)),
        }
    }

    pub(super) fn budget_mut(&mut self) -> Option<&mut Budget> {
        self.more.as_deref_mut()?.budget.as_mut()
    }

    pub(super) fn spend_budget(&mut self, now: Time) {
        let is_pending = self.expired.is_none();
        if let Some(budget) = self.budget_mut().filter(|_| is_pending) {
            budget.suspend();
            let cause = budget.record.as_ref().map_or(Cause::Checks, |record| record.cause);
            self.expired = Some(cause);
            if cause == Cause::Deadline {
                self.deadline = now; // `TimedOut` reports a deadline that has passed.
            }
        }
    }

    pub(super) fn cpu_mut(&mut self) -> Option<&mut Cpu> {
        self.more.as_deref_mut()?.cpu.as_mut()
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    /// Plans the next read of the processor clock after `limit` of real time. One thread cannot use the limit sooner.
    pub(super) fn plan_probe(&mut self, now: Time) {
        if let Some(cpu) = self.cpu_mut() {
            cpu.probe = now.after(cpu.limit);
        }
    }
}

impl Terms {
    #[inline(always)]
    pub(crate) fn needs_signal(&self) -> bool {
        let Some(more) = self.more.as_deref() else { return self.limit.is_some() };
        // With a check limit, each check reads the clock, so the deadline needs no timer.
        let needs_deadline = self.limit.is_some() && more.budget.is_none();
        needs_deadline || more.cpu.is_some() || more.period.is_some() || more.is_watched
    }
}

/// What a removed alarm owned. Callers drop it after they have unlocked the mutex, because the drop frees memory.
#[derive(Debug)]
pub(crate) struct Removed {
    #[allow(dead_code)] // Only dropped with the rest.
    pub(super) label: Option<Arc<str>>,
    pub(crate) more: Option<Box<More>>,
    pub(crate) needs_signal: bool,
    pub(crate) scope: Scope,
}
