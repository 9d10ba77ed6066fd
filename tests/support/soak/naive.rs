//! The model of an alarm.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use sigalarm::{AlarmId, Cause, TimedOut};

#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub lo: Instant,
    pub hi: Instant,
}

impl Span {
    /// The least and the most time from this moment to a later one.
    pub fn until(self, later: Span) -> RangeInclusive<Duration> {
        later.lo.saturating_duration_since(self.hi)..=later.hi.saturating_duration_since(self.lo)
    }

    pub fn after(self, d: Duration) -> Option<Span> {
        // A deadline beyond the clock's range is never.
        let most = Duration::from_secs(500 * 365 * 86_400);
        (d < most).then(|| Span { lo: self.lo + d, hi: self.hi + d })
    }
}

#[derive(Clone, Debug)]
pub struct Naive {
    pub id: AlarmId,
    pub label: Option<&'static str>,
    pub limit: Option<Duration>,
    pub since: Span,
    pub deadline: Option<Span>,
    pub latched: Option<Cause>,
    /// The limit, and the checks left unless disarmed.
    pub checks: Option<(u64, Option<u64>)>,
    /// The limit, and the processor time at the start unless disarmed.
    pub cpu: Option<(Duration, Option<(Duration, Duration)>)>,
    pub listens: bool,
    /// A check has returned its expiry, and it has not changed since.
    pub known: bool,
}

/// When a check was made.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub at: Span,
    pub cpu: Duration,
}

impl Naive {
    /// Returns whether the alarm must have expired by `now`. Processor time is polled, so the model ignores it.
    pub fn must(&self, now: Instant) -> bool {
        self.latched.is_some() || self.deadline.is_some_and(|deadline| deadline.hi <= now)
    }

    pub fn may(&self, asked: &Asked) -> bool {
        self.latched.is_some() || self.out_of_time(asked) || self.out_of_cpu(asked)
    }

    fn out_of_time(&self, asked: &Asked) -> bool {
        self.deadline.is_some_and(|deadline| deadline.lo <= asked.at.hi)
    }

    fn out_of_cpu(&self, asked: &Asked) -> bool {
        let Some((limit, Some((began, _)))) = self.cpu else { return false };
        asked.cpu.saturating_sub(began) >= limit
    }

    pub fn count(&mut self) {
        if let (Some((_, Some(left))), None) = (&mut self.checks, self.latched) {
            match left.checked_sub(1) {
                Some(fewer) => *left = fewer,
                None => self.latched = Some(Cause::Checks),
            }
        }
    }

    pub fn restart(&mut self, at: Span, cpu: (Duration, Duration)) {
        self.since = at;
        self.deadline = self.limit.and_then(|limit| at.after(limit));
        self.latched = None;
        self.known = false;
        if let Some((budget, left)) = &mut self.checks {
            *left = Some(*budget);
        }
        if let Some((_, began)) = &mut self.cpu {
            *began = Some(cpu);
        }
    }

    /// `shown` is the limit that the library returns afterwards.
    pub fn extend(&mut self, more: Duration, shown: Option<Duration>) {
        self.known = false;
        let Some(deadline) = self.deadline else { return };
        let was_past = deadline.lo < self.since.hi && self.limit == Some(Duration::ZERO);
        self.deadline = deadline.after(more);
        self.limit = match (self.deadline, self.limit) {
            // A deadline before the arming extends from the arming.
            (Some(deadline), Some(_)) if was_past => {
                let left = self.since.until(deadline);
                assert!(shown.is_some_and(|limit| left.contains(&limit)), "{shown:?}, not {left:?}");
                shown
            }
            (Some(_), limit) => limit.map(|limit| limit + more),
            (None, _) => None,
        };
    }

    pub fn disarm(&mut self) {
        self.deadline = None;
        self.latched = None;
        self.known = false;
        if let Some((_, left)) = &mut self.checks {
            *left = None;
        }
        if let Some((_, began)) = &mut self.cpu {
            *began = None;
        }
    }

    pub fn latch(&mut self, cause: Cause) {
        self.latched.get_or_insert(cause);
    }

    pub fn objection(&self, e: &TimedOut, asked: &Asked) -> Option<&'static str> {
        let possible = match e.cause() {
            Cause::Deadline => self.out_of_time(asked),
            Cause::Cpu => self.out_of_cpu(asked),
            cause => self.latched == Some(cause),
        };
        if !possible {
            return Some(if e.cause() == Cause::Deadline { "early" } else { "no reason to expire" });
        }
        if e.cause() == Cause::Cpu {
            let (limit, _) = self.cpu?;
            return (e.limit() != Some(limit) || e.elapsed() < limit).then_some("wrong processor time");
        }
        if e.label() != self.label {
            return Some("wrong label");
        }
        if e.limit() != self.limit {
            return Some("wrong limit");
        }
        if e.cause() == Cause::Deadline && e.limit().is_some_and(|limit| e.elapsed() < limit) {
            return Some("elapsed is less than the limit");
        }
        (!self.since.until(asked.at).contains(&e.elapsed())).then_some("wrong time elapsed")
    }
}
