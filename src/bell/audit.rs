//! Where are the checks missing?
//!
//! The timer rings now and then, and the check that answers says how long it took to come. A check costs nothing
//! more for it. A stretch without a check that is longer than the threshold has at least one ring in it, and what is
//! measured is the time from that ring: no more than the stretch, and short of it by a quarter of the threshold at
//! most.
//!
//! From the moment for which it was set, and not from when the handler ran: a thread that does not run at that moment makes
//! no check either until it runs again, and then the handler comes first.

use std::panic::Location;
use std::time::Duration;

use crate::gap::Gap;
use crate::os::atomic::{AtomicU64, Ordering};
use crate::os::clock;
use crate::os::flag::Flag;
use crate::schedule::{Key, Scope};
use crate::time::Time;

/// Rings are no closer together than this, however small the threshold.
const SHORTEST: Duration = Duration::from_micros(250);

/// When the bell was rung that nobody has answered; [`Time::NEVER`] if it is still.
static RUNG_AT: AtomicU64 = AtomicU64::new(Time::NEVER.as_nanos());

/// Notes the first of the rings that wait for an answer. Async-signal-safe.
pub(super) fn note_ring(bell: &Flag) {
    if !bell.is_set() {
        RUNG_AT.store(clock::now().as_nanos(), Ordering::SeqCst);
    }
}

struct Audit {
    key: Key,
    scope: Scope,
    threshold: Duration,
    since: Time,
    longest: Option<Gap>,
}

/// All audits.
pub(super) struct Audits {
    audits: Vec<Audit>,
    next: Time,
    /// When the bell was rung that is being answered.
    rung: Time,
    /// When it was to be rung then.
    planned: Time,
}

impl Audits {
    pub(super) const fn new() -> Audits {
        Audits { audits: Vec::new(), next: Time::NEVER, rung: Time::NEVER, planned: Time::NEVER }
    }

    pub(super) fn add(&mut self, key: Key, scope: Scope, threshold: Duration, now: Time) {
        // What was rung while nobody took note of the answers.
        if self.audits.is_empty() {
            RUNG_AT.store(Time::NEVER.as_nanos(), Ordering::SeqCst);
        }
        self.audits.push(Audit { key, scope, threshold, since: now, longest: None });
        self.plan(now);
    }

    pub(super) fn remove(&mut self, key: Key) {
        if self.audits.is_empty() {
            return;
        }
        self.audits.retain(|audit| audit.key != key);
        if self.audits.is_empty() {
            self.next = Time::NEVER;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.audits.is_empty()
    }

    /// When to ring next.
    ///
    /// If the time for the last ring has come and no check has taken it, somebody else is at the timer: one who arms, or
    /// asks a ticker. What is set now goes in its place, and it may not have come. So it is rung here, as from then.
    pub(super) fn next(&mut self, now: Time, bell: &Flag) -> Time {
        if self.next <= now {
            // In this order: the handler takes no note where the bell is rung.
            bell.set();
            let rung = Time::from_nanos(RUNG_AT.load(Ordering::SeqCst)).min(self.next);
            RUNG_AT.store(rung.as_nanos(), Ordering::SeqCst);
            self.plan(now);
        }
        self.next
    }

    /// Where the bell stays rung, because somebody counts or has expired, no ring of the handler's is the first: the time to
    /// the next answer counts from this moment. Every check answers then, so that nothing of a stretch is missed.
    pub(super) fn watch(&self, now: Time, bell: &Flag) {
        if !self.audits.is_empty()
            && bell.is_set()
            && RUNG_AT.load(Ordering::SeqCst) == Time::NEVER.as_nanos()
        {
            RUNG_AT.store(now.as_nanos(), Ordering::SeqCst);
        }
    }

    /// A check answers, at that moment.
    pub(super) fn look(&mut self, now: Time) {
        if self.next <= now {
            self.plan(now);
        }
    }

    /// The bell is about to be stilled, by a check.
    pub(super) fn take_ring(&mut self) {
        if !self.audits.is_empty() {
            self.rung = Time::from_nanos(RUNG_AT.swap(Time::NEVER.as_nanos(), Ordering::SeqCst));
            self.planned = self.next;
        }
    }

    fn plan(&mut self, now: Time) {
        let shortest = self.audits.iter().map(|audit| step(audit.threshold)).min();
        self.next = shortest.map_or(Time::NEVER, |step| now.after(step));
    }

    /// A check on this thread has come to ask.
    pub(super) fn answer(&mut self, scope: Scope, now: Time, location: &'static Location<'static>) {
        let rung = std::mem::replace(&mut self.rung, Time::NEVER);
        if rung.is_never() {
            return;
        }
        let rung = rung.min(self.planned);
        for audit in self.audits.iter_mut().filter(|audit| audit.scope == scope) {
            let length = now.since(rung.max(audit.since));
            let long = length + step(audit.threshold) >= audit.threshold;
            if long && audit.longest.is_none_or(|longest| length > longest.length()) {
                audit.longest = Some(Gap::new(length, location));
            }
        }
    }

    pub(super) fn longest(&self, key: Key) -> Option<Gap> {
        self.audits.iter().find(|audit| audit.key == key).and_then(|audit| audit.longest)
    }
}

fn step(threshold: Duration) -> Duration {
    (threshold / 4).max(SHORTEST)
}
