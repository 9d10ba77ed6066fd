//! What the handler itself does at an alarm's deadline, without a check: it sets a flag of the program, and it starts the *grace*
//! of a watchdog, after which the process ends.
//!
//! An alarm with a flag or a watchdog has a private timer of its own. A check that returns an error during the grace disarms the
//! watchdog. Otherwise the timer expires again at the end of the grace, and the handler ends the process. The grace starts when
//! the handler runs, so a process that was stopped at the deadline has its whole grace after SIGCONT.

use std::collections::BTreeMap;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{self, AtomicBool};
use std::time::Duration;

use super::registry::Registered;
use super::shared::SHARED;
use super::timer::posix::PosixTimer;
use super::watchdog::{self, Grace, Watchdog};
use crate::error::{AlarmId, ArmError};
use crate::os::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use crate::os::clock;
use crate::os::posix_timer::{ThreadId, TimerId, When};
use crate::os::shared_arc::SharedArc;
use crate::schedule::{Entry, Key, Schedule, Scope};
use crate::time::Time;

/// The part of an alarm's timer that the handler reads and writes.
pub(super) struct DeadlineTimer {
    /// When the timer is due, in nanoseconds. The lowest bit marks the end of a grace. The moment and the mark share a word, so
    /// that a handler and another thread change both in one step.
    end: AtomicU64,
    timer: AtomicUsize,
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

    fn when(self) -> When {
        if self.0 | 1 == u64::MAX { When::Never } else { When::At(Time::from_nanos(self.0 & !1)) }
    }
}

impl DeadlineTimer {
    fn new() -> DeadlineTimer {
        DeadlineTimer {
            end: AtomicU64::new(Due::NEVER.0),
            timer: AtomicUsize::new(0),
            flag: SharedArc::empty(),
            signals: AtomicU32::new(0),
            watchdog: Watchdog::none(),
        }
    }

    fn due(&self) -> Due {
        Due(self.end.load(Ordering::SeqCst))
    }

    fn set(&self, due: Due) {
        self.end.store(due.0, Ordering::SeqCst);
        self.set_kernels_timer();
    }

    fn kernels_timer(&self) -> Option<TimerId> {
        TimerId::from_bits(self.timer.load(Ordering::SeqCst))
    }

    /// Async-signal-safe.
    fn set_kernels_timer(&self) {
        let Some(timer) = self.kernels_timer() else { return };
        let wanted = || if SHARED.is_suspended.load(Ordering::SeqCst) { Due::NEVER } else { self.due() };
        // The race: a handler and another thread each change `end`, then set the kernel's timer, perhaps in the opposite order.
        // So each of the two reads `end` again after its call, and repeats the call if `end` has changed.
        loop {
            let due = wanted();
            let _ = timer.set(due.when(), Duration::ZERO);
            if wanted() == due {
                return;
            }
        }
    }

    /// Forgets the kernel's timer. The caller then deletes that timer, or is a forked child, which has no copy of it.
    fn forget(&self) {
        self.end.store(Due::NEVER.0, Ordering::SeqCst);
        self.timer.store(0, Ordering::SeqCst);
        self.signals.store(0, Ordering::SeqCst);
    }

    fn set_flag(&self) {
        self.flag.with(|flag| flag.store(true, atomic::Ordering::SeqCst));
    }

    fn on_expiry(&self) {
        let (now, due) = (clock::now(), self.due());
        match due.when() {
            When::At(end) if now >= end => {}
            // Another thread moved the deadline after the timer had sent this signal. The alarm is not due yet, so the timer is
            // set again.
            When::At(_) => return self.set_kernels_timer(),
            _ => return,
        }
        if due.is_grace() {
            let again = self.watchdog.end_process();
            return self.set(Due::grace(now.after(again)));
        }
        self.set_flag();
        let end = self.watchdog.begin_grace().map_or(Due::NEVER, |grace| Due::grace(now.after(grace)));
        // If another thread has changed `end` since `due` was read, the exchange fails. That other thread then sets the timer.
        if self.end.compare_exchange(due.0, end.0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.set_kernels_timer();
        }
    }
}

/// Handles the expiry of a deadline timer. `value` comes from the timer's signal. Returns `false` if it belongs to no deadline
/// timer. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    SHARED.deadlines.at(value).map(DeadlineTimer::on_expiry).is_some()
}

/// Handles expiries whose signals went to another handler, installed over the library's. Returns whether there were any.
/// Async-signal-safe.
pub(super) fn handle_missed() -> bool {
    if SHARED.is_suspended.load(Ordering::SeqCst) {
        return false;
    }
    let is_missed =
        |it: &&DeadlineTimer| it.due() != Due::NEVER && it.kernels_timer().is_some_and(TimerId::has_expired);
    SHARED.deadlines.iter().filter(is_missed).map(DeadlineTimer::on_expiry).count() > 0
}

pub(super) fn on_ring_signal(bit: u32) {
    for it in SHARED.deadlines.iter().filter(|it| it.signals.load(Ordering::SeqCst) & bit != 0) {
        it.set_flag();
    }
}

struct Live {
    key: Key,
    scope: Scope,
    shared: &'static Registered<DeadlineTimer>,
    timer: Option<PosixTimer>,
    grace: Option<Duration>,
    /// A check has returned an error since the alarm expired.
    is_answered: bool,
}

pub(super) struct DeadlineTimers {
    live: BTreeMap<AlarmId, Live>,
    watchdogs: usize,
}

impl DeadlineTimers {
    pub(super) const fn new() -> DeadlineTimers {
        DeadlineTimers { live: BTreeMap::new(), watchdogs: 0 }
    }

    #[inline(always)]
    pub(super) fn has_watchdogs(&self) -> bool {
        self.watchdogs > 0
    }

    pub(super) fn set_suspended(&self, is_suspended: bool) {
        SHARED.is_suspended.store(is_suspended, Ordering::SeqCst);
        self.live.values().for_each(|live| live.shared.set_kernels_timer());
    }

    pub(super) fn add(
        &mut self,
        key: Key,
        schedule: &Schedule,
        watchdog: Option<Grace>,
        last_check: Option<&'static Location<'static>>,
    ) -> Result<(), ArmError> {
        let Some(entry) = schedule.get(key) else { return Ok(()) };
        if entry.more().flag.is_none() && watchdog.is_none() {
            return Ok(());
        }
        let shared = SHARED.deadlines.take(DeadlineTimer::new);
        let create = || {
            let timer =
                PosixTimer::create(ThreadId::current(), ptr::from_ref::<DeadlineTimer>(shared).addr())?;
            shared.timer.store(timer.id()?.to_bits(), Ordering::SeqCst);
            Ok(timer)
        };
        let is_needed = entry.limit.is_some() || watchdog.is_some();
        let timer = is_needed.then(create).transpose().map_err(|e| {
            SHARED.deadlines.give_back(shared);
            ArmError::system("timer_create", e)
        })?;
        shared.flag.replace(entry.more().flag.clone());
        shared.signals.store(entry.more().signals, Ordering::SeqCst);
        if let Some(grace) = watchdog {
            let thread = watchdog::describe(&schedule.path(entry.scope), last_check);
            shared.watchdog.start(grace, watchdog::report(entry, grace.grace, &thread));
        }
        shared.set(Due::at(entry.due()));
        self.watchdogs += usize::from(watchdog.is_some());
        let grace = watchdog.map(|watchdog| watchdog.grace);
        self.live
            .insert(entry.id, Live { key, scope: entry.scope, shared, timer, grace, is_answered: false });
        Ok(())
    }

    pub(super) fn remove(&mut self, id: AlarmId) {
        let Some(live) = self.live.remove(&id) else { return };
        self.watchdogs -= usize::from(live.grace.is_some());
        live.shared.forget();
        live.shared.flag.replace(None);
        live.shared.watchdog.stop();
        drop(live.timer);
        SHARED.deadlines.give_back(live.shared);
    }

    pub(super) fn change(&mut self, entry: &Entry) {
        let Some(live) = self.live.get_mut(&entry.id) else { return };
        let (was, is_expired) = (live.shared.due(), entry.expired.is_some());
        let due = if is_expired && live.grace.is_none() { Due::NEVER } else { Due::at(entry.due()) };
        // A ring of an expired alarm must not start a second grace. So the alarm's timer is left alone if the grace has begun, or
        // if a check has disarmed the watchdog.
        let stays = was == due || (is_expired && (was.is_grace() || live.is_answered));
        live.is_answered &= is_expired;
        if !stays {
            live.shared.set(due);
        }
    }

    /// Disarms the watchdogs of a thread's expired alarms, after one of the thread's checks has returned an error.
    pub(super) fn answered(&mut self, schedule: &Schedule, scope: Scope) {
        let own = |live: &&mut Live| live.scope == scope && live.grace.is_some() && !live.is_answered;
        for live in self.live.values_mut().filter(own) {
            live.is_answered = schedule.get(live.key).is_some_and(|entry| entry.expired.is_some());
            if live.is_answered {
                live.shared.set(Due::NEVER);
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
    for shared in SHARED.deadlines.iter() {
        shared.forget();
        shared.flag.forget();
        shared.watchdog.forget();
    }
    SHARED.deadlines.free_all();
    if SHARED.is_suspended.load(Ordering::SeqCst) {
        SHARED.is_suspended.store(false, Ordering::SeqCst);
    }
}
