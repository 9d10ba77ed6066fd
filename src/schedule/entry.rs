//! One alarm: what it was armed with and what has become of it.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Budget, Scope};
use crate::error::{AlarmId, Cause};
use crate::time::{CpuClock, Time};

/// What an alarm is armed with.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    /// `None` for an alarm without a deadline.
    pub(crate) limit: Option<Duration>,
    pub(crate) deadline: Time,
    /// Where it is armed.
    pub(crate) location: &'static Location<'static>,
    /// What few alarms have, kept apart so that the others stay small.
    pub(crate) more: Option<Box<More>>,
}

/// What few alarms have, and what a ticker has.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    /// A limit on processor time.
    pub(crate) cpu: Option<Cpu>,
    /// A limit on the number of checks.
    pub(crate) budget: Option<Budget>,
    /// The signals that expire it, a bit for each.
    pub(crate) signals: u32,
    /// Whether it has an audit or a watchdog, which need the timer's signal.
    pub(crate) is_watched: bool,
    /// For a ticker.
    pub(crate) period: Option<Duration>,
    /// How many periods the ticker has reported.
    pub(crate) reported: u64,
    /// A flag of the program's, to be set when the alarm expires.
    pub(crate) flag: Option<Arc<AtomicBool>>,
    /// Since when its time does not count, while that is so.
    pub(crate) paused: Option<Time>,
}

/// A limit on processor time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) clock: CpuClock,
    pub(crate) limit: Duration,
    /// What the clock showed when the computation began.
    pub(crate) since: Time,
    /// When to read the clock again: it cannot have reached the limit before.
    pub(super) probe: Time,
}

impl Cpu {
    /// A limit on what `clock` shows from now on, when it shows `since`.
    pub(crate) fn new(clock: CpuClock, limit: Duration, since: Time) -> Cpu {
        Cpu { clock, limit, since, probe: Time::NEVER }
    }
}

/// A live alarm.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: AlarmId,
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) limit: Option<Duration>,
    /// When the computation began: armed, or last restarted.
    pub(crate) since: Time,
    pub(crate) deadline: Time,
    /// Where it was armed.
    pub(crate) location: &'static Location<'static>,
    pub(super) more: Option<Box<More>>,
    /// Why it has expired, if it has.
    pub(crate) expired: Option<Cause>,
    /// It was rung, perhaps after it had expired by its deadline, which can still be moved.
    pub(super) rung: Option<Cause>,
    /// How many other threads have entered it.
    pub(super) guest_on: u32,
    /// See [`Terms::needs_signal`].
    pub(super) needs_signal: bool,
}

impl Entry {
    /// How long until the deadline; `None` without one.
    pub(crate) fn remaining(&self, now: Time) -> Option<Duration> {
        (!self.deadline.is_never()).then(|| self.deadline.since(self.clock(now)))
    }

    /// How long since it was armed or restarted.
    pub(crate) fn elapsed(&self, now: Time) -> Duration {
        self.clock(now).since(self.since)
    }

    /// The time by which it counts: it stands still while the alarm is paused.
    fn clock(&self, now: Time) -> Time {
        self.paused().unwrap_or(now)
    }

    pub(super) fn paused(&self) -> Option<Time> {
        self.more.as_deref().and_then(|more| more.paused)
    }

    /// When it expires by the clock; *never* while it is paused.
    pub(crate) fn due(&self) -> Time {
        if self.paused().is_some() { Time::NEVER } else { self.deadline }
    }

    /// The flag that is set when it expires.
    pub(crate) fn flag(&self) -> Option<&Arc<AtomicBool>> {
        self.more.as_deref().and_then(|more| more.flag.as_ref())
    }

    pub(crate) fn cpu(&self) -> Option<Cpu> {
        self.more.as_deref().and_then(|more| more.cpu)
    }

    pub(crate) fn signals(&self) -> u32 {
        self.more.as_deref().map_or(0, |more| more.signals)
    }

    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.more.as_deref().and_then(|more| more.budget.as_ref())
    }

    pub(super) fn budget_mut(&mut self) -> Option<&mut Budget> {
        self.more.as_deref_mut().and_then(|more| more.budget.as_mut())
    }

    /// Expires it for its budget, unless it has expired already.
    pub(super) fn spend_budget(&mut self, now: Time) {
        let is_pending = self.expired.is_none();
        if let Some(budget) = self.budget_mut().filter(|_| is_pending) {
            budget.suspend();
            let cause = budget.cause;
            self.expired = Some(cause);
            if cause == Cause::Deadline {
                // As if that moment had been its deadline.
                self.deadline = now;
            }
        }
    }

    pub(super) fn period(&self) -> Option<Duration> {
        self.more.as_deref().and_then(|more| more.period)
    }

    /// Whether it has a deadline at most.
    pub(crate) fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    pub(super) fn cpu_mut(&mut self) -> Option<&mut Cpu> {
        self.more.as_deref_mut().and_then(|more| more.cpu.as_mut())
    }

    /// Plans when to read the processor's clock next. One thread cannot use up processor time faster than time passes.
    pub(super) fn plan_probe(&mut self, now: Time) {
        if let Some(cpu) = self.cpu_mut() {
            cpu.probe = now.after(cpu.limit);
        }
    }
}

impl Terms {
    /// Whether the alarm needs the timer and its signal. One without a limit, and with nothing that watches it, does not.
    #[inline(always)]
    pub(crate) fn needs_signal(&self) -> bool {
        match self.more.as_deref() {
            None => self.limit.is_some(),
            Some(more) => {
                // With a budget every check reads the clock.
                (self.limit.is_some() && more.budget.is_none())
                    || more.cpu.is_some()
                    || more.period.is_some()
                    || more.is_watched
            }
        }
    }
}

/// What is left of an alarm that was removed, to be dropped outside of any lock: it has memory to free.
///
/// No more than that. An entry is ten words, and to hand it over would take a third of the time of the whole.
#[derive(Debug)]
pub(crate) struct Removed {
    #[allow(dead_code)] // Kept to be dropped.
    pub(super) label: Option<Arc<str>>,
    pub(super) more: Option<Box<More>>,
    /// See [`Terms::needs_signal`].
    pub(crate) needs_signal: bool,
}

impl Removed {
    pub(crate) fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    pub(crate) fn signals(&self) -> u32 {
        self.more.as_deref().map_or(0, |more| more.signals)
    }
}

/// Where an alarm is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) scope: Scope,
    pub(super) expired: bool,
    /// The next moment at which something may happen to it.
    pub(super) moment: Time,
    pub(super) signals: u32,
}

impl Listing {
    /// Of a pending alarm that has a deadline at most.
    #[inline(always)]
    pub(super) fn plain(scope: Scope, deadline: Time) -> Listing {
        Listing { scope, expired: false, moment: deadline, signals: 0 }
    }

    #[inline(always)]
    pub(super) fn of(entry: &Entry) -> Listing {
        let (scope, expired) = (entry.scope, entry.expired.is_some());
        match entry.more.as_deref() {
            None => Listing { expired, ..Listing::plain(scope, entry.deadline) },
            Some(more) => Listing {
                scope,
                expired,
                moment: entry.due().min(more.cpu.map_or(Time::NEVER, |cpu| cpu.probe)),
                signals: more.signals,
            },
        }
    }
}

/// How many whole periods a time has.
pub(super) fn periods(time: Duration, period: Duration) -> u64 {
    u64::try_from(time.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX)
}

/// So many periods, or the most that a `Duration` of nanoseconds holds.
pub(super) fn times(period: Duration, n: u64) -> Duration {
    let nanos = period.as_nanos().saturating_mul(u128::from(n));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
