//! What the handler itself does at an alarm's deadline, without a check: it sets a flag of the program, and it starts the *grace*
//! of a watchdog, after which the process ends.
//!
//! The private timer of the alarm's thread expires for both. A check that returns an error during the grace disarms the watchdog.
//! Otherwise the timer expires again at the end of the grace, and the handler ends the process. The grace starts when the handler
//! runs, so a process that was stopped at the deadline has its whole grace after SIGCONT.

use std::collections::BTreeMap;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{self, AtomicBool};
use std::time::Duration;

use super::record::Record;
use super::registry::Registered;
use super::shared::SHARED;
use super::watchdog::{self, Grace, Watchdog};
use crate::error::AlarmId;
use crate::os::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::os::clock;
use crate::os::shared_arc::SharedArc;
use crate::schedule::{Entry, Key, Schedule, Scope};
use crate::time::Time;

/// The part of an alarm's actions that the handler reads and writes.
pub(super) struct DeadlineAction {
    /// The address of the thread's record.
    thread: AtomicUsize,
    /// When the action is due, in nanoseconds. The lowest bit marks the end of a grace. The moment and the mark share a word, so
    /// that a handler and another thread change both in one step.
    due: AtomicU64,
    flag: SharedArc<AtomicBool>,
    signals: AtomicU32,
    watchdog: Watchdog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due(u64);

impl Due {
    const NEVER: Due = Due(u64::MAX - 1);

    fn at(end: Time) -> Due {
        Due(end.as_nanos().checked_next_multiple_of(2).unwrap_or(Due::NEVER.0))
    }

    fn grace(end: Time) -> Due {
        Due(Due::at(end).0 | 1)
    }

    fn is_grace(self) -> bool {
        self.0 & 1 == 1
    }

    fn time(self) -> Time {
        if self.0 | 1 == u64::MAX { Time::NEVER } else { Time::from_nanos(self.0 & !1) }
    }
}

impl DeadlineAction {
    fn new() -> DeadlineAction {
        DeadlineAction {
            thread: AtomicUsize::new(0),
            due: AtomicU64::new(Due::NEVER.0),
            flag: SharedArc::empty(),
            signals: AtomicU32::new(0),
            watchdog: Watchdog::none(),
        }
    }

    fn due(&self) -> Due {
        Due(self.due.load(Ordering::SeqCst))
    }

    fn set_due(&self, due: Due) {
        self.due.store(due.0, Ordering::SeqCst);
    }

    fn forget(&self) {
        self.thread.store(0, Ordering::SeqCst);
        self.set_due(Due::NEVER);
        self.signals.store(0, Ordering::SeqCst);
    }

    fn set_flag(&self) {
        self.flag.with(|flag| flag.store(true, atomic::Ordering::SeqCst));
    }

    fn run(&self, now: Time) {
        let due = self.due();
        if due.time() > now {
            return;
        }
        if due.is_grace() {
            return self.set_due(Due::grace(now.after(self.watchdog.end_process())));
        }
        self.set_flag();
        let end = self.watchdog.begin_grace().map_or(Due::NEVER, |grace| Due::grace(now.after(grace)));
        // If another thread has changed `due` since it was read, the exchange fails.
        let _ = self.due.compare_exchange(due.0, end.0, Ordering::SeqCst, Ordering::SeqCst);
    }
}

/// Takes the due actions of the calling thread's alarms. Async-signal-safe.
pub(super) fn run(thread: &Record) {
    if thread.next_action().is_never() {
        return;
    }
    let now = clock::now();
    if thread.next_action() > now {
        return;
    }
    let is_own = |it: &&DeadlineAction| it.thread.load(Ordering::SeqCst) == ptr::from_ref(thread).addr();
    let own = || SHARED.actions.iter().filter(is_own);
    let next = || own().map(|it| it.due().time()).min().unwrap_or(Time::NEVER);
    own().for_each(|it| it.run(now));
    // The race: another thread changes an action, then lowers `next_action`.
    // 1. The store below overwrites the lower value. Then the call after it finds the changed action.
    // 2. The other thread lowers `next_action` after the store.
    thread.set_next_action(next());
    thread.act_by(next());
}

pub(super) fn on_ring_signal(bit: u32) {
    for it in SHARED.actions.iter().filter(|it| it.signals.load(Ordering::SeqCst) & bit != 0) {
        it.set_flag();
    }
}

struct Live {
    key: Key,
    scope: Scope,
    shared: &'static Registered<DeadlineAction>,
    thread: &'static Record,
    grace: Option<Duration>,
    /// A check has returned an error since the alarm expired.
    is_answered: bool,
}

impl Live {
    /// The caller then sets the thread's timer.
    fn set_due(&self, due: Due) {
        self.shared.set_due(due);
        self.thread.act_by(due.time());
    }
}

pub(super) struct DeadlineActions {
    live: BTreeMap<AlarmId, Live>,
    watchdogs: usize,
}

impl DeadlineActions {
    pub(super) const fn new() -> DeadlineActions {
        DeadlineActions { live: BTreeMap::new(), watchdogs: 0 }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    #[inline(always)]
    pub(super) fn has_watchdogs(&self) -> bool {
        self.watchdogs > 0
    }

    pub(super) fn add(
        &mut self,
        key: Key,
        schedule: &Schedule,
        thread: &'static Record,
        watchdog: Option<Grace>,
        last_check: Option<&'static Location<'static>>,
    ) {
        let Some(entry) = schedule.get(key) else { return };
        let shared = SHARED.actions.take(DeadlineAction::new);
        shared.flag.replace(entry.more().flag.clone());
        shared.signals.store(entry.more().signals, Ordering::SeqCst);
        if let Some(grace) = watchdog {
            let thread = watchdog::describe(&schedule.path(entry.scope), last_check);
            shared.watchdog.start(grace, watchdog::report(entry, grace.grace, &thread));
        }
        shared.thread.store(ptr::from_ref(thread).addr(), Ordering::SeqCst);
        self.watchdogs += usize::from(watchdog.is_some());
        let grace = watchdog.map(|watchdog| watchdog.grace);
        let live = Live { key, scope: entry.scope, shared, thread, grace, is_answered: false };
        live.set_due(Due::at(entry.due()));
        self.live.insert(entry.id, live);
    }

    pub(super) fn remove(&mut self, id: AlarmId) {
        let Some(live) = self.live.remove(&id) else { return };
        self.watchdogs -= usize::from(live.grace.is_some());
        live.shared.forget();
        live.shared.flag.replace(None);
        live.shared.watchdog.stop();
        SHARED.actions.give_back(live.shared);
        if self.live.is_empty() {
            live.thread.set_next_action(Time::NEVER);
        }
    }

    pub(super) fn change(&mut self, entry: &Entry) {
        let Some(live) = self.live.get_mut(&entry.id) else { return };
        let (was, is_expired) = (live.shared.due(), entry.expired.is_some());
        let due = if is_expired && live.grace.is_none() { Due::NEVER } else { Due::at(entry.due()) };
        // A ring of an expired alarm must not start a second grace. So `due` stays as it is if the grace has begun, or if a
        // check has disarmed the watchdog.
        let stays = was == due || (is_expired && (was.is_grace() || live.is_answered));
        live.is_answered &= is_expired;
        if !stays {
            live.set_due(due);
        }
    }

    /// Disarms the watchdogs of a thread's expired alarms, after one of the thread's checks has returned an error.
    pub(super) fn answered(&mut self, schedule: &Schedule, scope: Scope) {
        let own = |live: &&mut Live| live.scope == scope && live.grace.is_some() && !live.is_answered;
        for live in self.live.values_mut().filter(own) {
            live.is_answered = schedule.get(live.key).is_some_and(|entry| entry.expired.is_some());
            if live.is_answered {
                live.set_due(Due::NEVER);
            }
        }
    }

    pub(super) fn describe(
        &self,
        scope: Scope,
        schedule: &Schedule,
        last_check: Option<&'static Location<'static>>,
    ) {
        if !self.live.values().any(|live| live.scope == scope && live.grace.is_some()) {
            return;
        }
        let thread = watchdog::describe(&schedule.path(scope), last_check);
        for live in self.live.values().filter(|live| live.scope == scope) {
            if let (Some(entry), Some(grace)) = (schedule.get(live.key), live.grace) {
                live.shared.watchdog.set_report(watchdog::report(entry, grace, &thread));
            }
        }
    }
}

#[inline]
pub(super) fn start_again() {
    for shared in SHARED.actions.iter() {
        shared.forget();
        shared.flag.forget();
        shared.watchdog.forget();
    }
    SHARED.actions.free_all();
    if SHARED.is_suspended.load(Ordering::SeqCst) {
        SHARED.is_suspended.store(false, Ordering::SeqCst);
    }
}
