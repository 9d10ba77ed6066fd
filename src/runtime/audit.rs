//! Audits: where are checks missing?
//!
//! The timer of an audited thread expires four times a threshold. The check that follows measures the time since the expiry.
//! A gap between checks that is longer than the threshold contains an expiry, so it is seen. Its measured length is too short
//! by a quarter of the threshold at most.
//!
//! The time counts from the planned moment of the expiry, not from the run of the handler: a thread that is preempted at that
//! moment makes no check either.

use std::mem;
use std::panic::Location;
use std::time::Duration;

use super::flag::OwnFlag;
use super::shared::SHARED;
use crate::gap::Gap;
use crate::os::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::os::clock;
use crate::schedule::{Key, Scope};
use crate::time::Time;

const SHORTEST: Duration = Duration::from_micros(250);

/// When the first signal came that no check has followed; [`Time::NEVER`] if there is none.
pub(super) struct SignalTime {
    is_wanted: AtomicBool,
    time: AtomicU64,
}

impl SignalTime {
    pub(super) const fn new() -> SignalTime {
        SignalTime { is_wanted: AtomicBool::new(false), time: AtomicU64::new(Time::NEVER.as_nanos()) }
    }

    fn get(&self) -> Time {
        Time::from_nanos(self.time.load(Ordering::SeqCst))
    }

    fn set(&self, time: Time) {
        self.time.store(time.as_nanos(), Ordering::SeqCst);
    }

    fn take(&self) -> Time {
        Time::from_nanos(self.time.swap(Time::NEVER.as_nanos(), Ordering::SeqCst))
    }
}

/// Notes the time of a signal, if there are audits and it is the first since a check. Async-signal-safe.
pub(super) fn note_signal(flag: &OwnFlag) {
    if SHARED.signal_time.is_wanted.load(Ordering::Relaxed) && !flag.is_set() {
        SHARED.signal_time.set(clock::now());
    }
}

struct Audit {
    key: Key,
    scope: Scope,
    threshold: Duration,
    since: Time,
    longest: Option<Gap>,
    /// The last check that took the slow path.
    last_check: Option<&'static Location<'static>>,
}

pub(super) struct Audits {
    audits: Vec<Audit>,
    /// When the timers of audited threads are to expire.
    next: Time,
    /// When the signal came that the current check follows.
    signalled: Time,
    /// When that signal was planned.
    planned: Time,
}

impl Audits {
    pub(super) const fn new() -> Audits {
        Audits { audits: Vec::new(), next: Time::NEVER, signalled: Time::NEVER, planned: Time::NEVER }
    }

    pub(super) fn add(&mut self, key: Key, scope: Scope, threshold: Duration, now: Time) {
        // Signals from before the first audit do not count.
        if self.audits.is_empty() {
            SHARED.signal_time.set(Time::NEVER);
            SHARED.signal_time.is_wanted.store(true, Ordering::SeqCst);
        }
        self.audits.push(Audit { key, scope, threshold, since: now, longest: None, last_check: None });
        self.plan(now);
    }

    pub(super) fn remove(&mut self, key: Key) {
        if self.audits.is_empty() {
            return;
        }
        self.audits.retain(|audit| audit.key != key);
        if self.audits.is_empty() {
            self.next = Time::NEVER;
            SHARED.signal_time.is_wanted.store(false, Ordering::SeqCst);
        }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.audits.is_empty()
    }

    /// When the timer of a thread is to expire for its audits.
    ///
    /// The timer may be set for another reason, when a planned moment has passed without a check. The signal of that moment may
    /// not come any more, so the moment is noted here.
    pub(super) fn next_of(&mut self, scope: Scope, now: Time, flag: &OwnFlag) -> Time {
        if self.audits.iter().all(|audit| audit.scope != scope) {
            return Time::NEVER;
        }
        if self.next <= now {
            // In this order: the handler notes no time while the flag is set.
            flag.set();
            SHARED.signal_time.set(SHARED.signal_time.get().min(self.next));
            self.plan(now);
        }
        self.next
    }

    /// While the flag stays set the handler notes no signal, and every check takes the slow path: the time to the next check
    /// counts from `now`.
    #[inline(always)]
    pub(super) fn watch(&self, now: Time, flag: &OwnFlag) {
        if !self.audits.is_empty() && flag.is_set() && SHARED.signal_time.get().is_never() {
            SHARED.signal_time.set(now);
        }
    }

    #[inline(always)]
    pub(super) fn note_check(&mut self, now: Time) {
        if self.next <= now {
            self.plan(now);
        }
    }

    /// Takes the time of the signal, before a check clears the flag.
    #[inline(always)]
    pub(super) fn take_signal(&mut self) {
        if !self.audits.is_empty() {
            self.signalled = SHARED.signal_time.take();
            self.planned = self.next;
        }
    }

    fn plan(&mut self, now: Time) {
        let shortest = self.audits.iter().map(|audit| step(audit.threshold)).min();
        self.next = shortest.map_or(Time::NEVER, |step| now.after(step));
    }

    pub(super) fn answer(&mut self, scope: Scope, now: Time, location: &'static Location<'static>) {
        let own = |audit: &&mut Audit| audit.scope == scope;
        self.audits.iter_mut().filter(own).for_each(|audit| audit.last_check = Some(location));
        let signalled = mem::replace(&mut self.signalled, Time::NEVER);
        if signalled.is_never() {
            return;
        }
        let signalled = signalled.min(self.planned);
        for audit in self.audits.iter_mut().filter(own) {
            let length = now.since(signalled.max(audit.since));
            let is_long = length + step(audit.threshold) >= audit.threshold;
            if is_long && audit.longest.as_ref().is_none_or(|longest| length > longest.length()) {
                audit.longest = Some(Gap::new(length, location.into()));
            }
        }
    }

    /// The last check of a thread that took the slow path, if the thread has an audit.
    pub(super) fn last_check(&self, scope: Scope) -> Option<&'static Location<'static>> {
        self.audits.iter().find(|audit| audit.scope == scope).and_then(|audit| audit.last_check)
    }

    /// Leaves out the time until now from the gaps of an alarm's audit.
    pub(super) fn begin_again(&mut self, key: Key, now: Time) {
        self.audits.iter_mut().filter(|audit| audit.key == key).for_each(|audit| audit.since = now);
    }

    pub(super) fn longest(&self, key: Key) -> Option<Gap> {
        self.audits.iter().find(|audit| audit.key == key).and_then(|audit| audit.longest.clone())
    }
}

fn step(threshold: Duration) -> Duration {
    (threshold / 4).max(SHORTEST)
}
