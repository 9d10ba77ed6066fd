//! Audits: the longest gap, which is a stretch without a check.
//!
//! A check that takes the slow path sets the thread's timer to expire a quarter of the threshold later (at least 250 us). The
//! expiry sets the flag, and the next check measures the time since the expiry. The last check before the expiry is not recorded,
//! so the measured length is too short by up to that quarter.
//!
//! The time counts from the moment for which the timer was set, even if the handler runs later, because a preempted thread makes
//! no check in between.

use std::panic::Location;
use std::time::Duration;

use crate::gap::Gap;
use crate::schedule::{Key, Scope};
use crate::time::Time;

struct Audit {
    key: Key,
    scope: Scope,
    threshold: Duration,
    /// When the measured gap begins. From this moment on, the flag stays set until the thread's next check ends the gap.
    from: Time,
    longest: Option<Gap>,
    last_check: Option<&'static Location<'static>>,
}

impl Audit {
    fn step(&self) -> Duration {
        (self.threshold / 4).max(Duration::from_micros(250))
    }
}

pub(super) struct Audits(Vec<Audit>);

impl Audits {
    pub(super) const fn new() -> Audits {
        Audits(Vec::new())
    }

    pub(super) fn add(&mut self, key: Key, scope: Scope, threshold: Duration, now: Time) {
        self.0.push(Audit { key, scope, threshold, from: now, longest: None, last_check: None });
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.0.retain(|audit| audit.key != key);
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of(&self, scope: Scope) -> impl Iterator<Item = &Audit> {
        self.0.iter().filter(move |audit| audit.scope == scope)
    }

    pub(super) fn next_of(&self, scope: Scope, now: Time) -> Time {
        let to_come = self.of(scope).map(|audit| audit.from).filter(|from| *from > now);
        to_come.min().unwrap_or(Time::NEVER)
    }

    #[inline(always)]
    pub(super) fn await_check(&self, now: Time) -> bool {
        self.0.iter().any(|audit| audit.from <= now)
    }

    /// Ends a thread's gap at this check. If every check takes the slow path, the next gap begins now. Otherwise it begins when
    /// the timer expires.
    pub(super) fn end_gap(
        &mut self,
        scope: Scope,
        now: Time,
        location: &'static Location<'static>,
        every_check: bool,
    ) {
        for audit in self.0.iter_mut().filter(|audit| audit.scope == scope) {
            audit.last_check = Some(location);
            let (length, step) = (now.since(audit.from), audit.step());
            let is_long = audit.from <= now && length + step >= audit.threshold;
            if is_long && audit.longest.as_ref().is_none_or(|longest| length > longest.length()) {
                audit.longest = Some(Gap::new(length, location.into()));
            }
            if every_check && !audit.from.is_never() {
                audit.from = now;
            } else if audit.from <= now {
                audit.from = now.after(step);
            }
        }
    }

    /// Excludes the time until `restart_gap` from an alarm's audit.
    pub(super) fn pause(&mut self, key: Key) {
        self.0.iter_mut().filter(|audit| audit.key == key).for_each(|audit| audit.from = Time::NEVER);
    }

    pub(super) fn restart_gap(&mut self, key: Key, now: Time) {
        self.0.iter_mut().filter(|audit| audit.key == key).for_each(|audit| audit.from = now);
    }

    pub(super) fn last_check(&self, scope: Scope) -> Option<&'static Location<'static>> {
        self.of(scope).find_map(|audit| audit.last_check)
    }

    pub(super) fn longest(&self, key: Key) -> Option<Gap> {
        self.0.iter().find(|audit| audit.key == key).and_then(|audit| audit.longest.clone())
    }
}
