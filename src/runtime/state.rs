//! The schedule and the timers, behind one lock, and how they are kept in step.

use std::mem::{self, ManuallyDrop};
use std::time::Duration;

use once_cell::race::OnceBool;
use sigalarm_core::implementer;

use super::audit::Audits;
use super::flags::Flags;
use super::installation::Installation;
use super::ring_signals::{self, Signals};
use super::shared::SHARED;
use super::slow_path::HOOK;
use super::thread_state::{Thread, at_thread_end};
use super::threads::Threads;
use super::timer::Kind;
use super::timer::interval::IntervalTimer;
use super::watchdog::{self, Watchdogs};
use super::{FLAG, blocked_threads, flags, handler, set_flags, tickers};
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::fork::{self, ForkMutex, ForkSafe, MutexGuard};
use crate::os::{clock, pending, single_threaded, thread_end};
use crate::schedule::{Schedule, Scope};
use crate::time::Time;

/// The schedule and the timers, changed together under one lock. Nothing that is done under it calls the program's code, so
/// it cannot be entered twice; no handler takes it.
pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) threads: Threads,
    pub(super) interval: IntervalTimer,
    /// The thread whose timer the interval timer is.
    pub(super) interval_owner: Option<usize>,
    /// A foreign value has been seen in the interval timer.
    pub(super) interval_is_foreign: bool,
    pub(super) installation: Installation,
    pub(super) signals: Signals,
    pub(super) watchdogs: Watchdogs,
    pub(super) flags: Flags,
    pub(super) audits: Audits,
    /// How many threads have alarms that need the signal.
    pub(super) active: usize,
    /// How many of them have no timer.
    pub(super) clock_only: usize,
    /// How many threads are blocked in system calls that a signal is to end.
    pub(super) blocked: usize,
    /// How many suspensions there are.
    pub(super) suspended: usize,
}

pub(super) static STATE: ForkMutex<State> = ForkMutex::new(State {
    schedule: Schedule::new(),
    threads: Threads::new(),
    interval: IntervalTimer::new(),
    interval_owner: None,
    interval_is_foreign: false,
    installation: Installation::new(),
    signals: Signals::new(),
    watchdogs: Watchdogs::new(),
    flags: Flags::new(),
    audits: Audits::new(),
    active: 0,
    clock_only: 0,
    blocked: 0,
    suspended: 0,
});

impl State {
    /// Answers the flag for a check: afterwards nothing that was due at the returned moment is pending.
    #[inline]
    pub(super) fn look(&mut self) -> Time {
        // The race: a handler on another thread sets the flag while this thread clears it.
        // 1. It is set before it is cleared, and that signal leaves no trace. Its moment had come before, and the clock, which
        //    is read after, shows so: what was due is found. (`clear` promises that every processor sees the flag cleared before
        //    the clock is read. Otherwise the clearing could come late, and wipe out a signal of a later moment than what the
        //    clock showed: an alarm lost.)
        // 2. It is set after. It stays set, and the next check takes the slow path.
        self.audits.take_signal();
        if !self.needs_every_check() {
            FLAG.clear();
        }
        let now = clock::now();
        self.audits.note_check(now);
        self.look_at(now)
    }

    /// The same for a question that is not a check. Where checks are audited the flag is left for them to answer.
    pub(super) fn look_aside(&mut self) -> Time {
        if self.audits.is_empty() { self.look() } else { self.look_at(clock::now()) }
    }

    /// Whether the flag must not be cleared for a moment: a check of an expired alarm on another thread would succeed; one that
    /// counts would not be counted; one that reads the clock would not read it.
    fn needs_every_check(&self) -> bool {
        self.schedule.any_expired()
            || self.schedule.any_counting()
            || self.clock_only > 0
            || (self.suspended > 0 && self.active > 0)
    }

    #[inline]
    fn look_at(&mut self, now: Time) -> Time {
        if self.signals.in_use() {
            self.take_ring_signals(now);
        }
        if self.interval_owner.is_some() {
            self.find_interval_expiry(now);
        }
        if SHARED.any_expired.load(Ordering::Relaxed) {
            self.set_expired_timers(now);
        }
        if SHARED.must_reinstall.load(Ordering::Relaxed) {
            self.installation.reinstall(self.blocked > 0);
        }
        self.find_kept_out();
        self.expire(now);
        now
    }

    #[cold]
    pub(super) fn take_ring_signals(&mut self, now: Time) {
        for number in ring_signals::take_arrived() {
            // No alarm listens any more to one that came between the last answer and its announcement to the handler.
            if self.schedule.signal(number) {
                self.wake_blocked(now);
            } else {
                pending::send_again(number);
            }
        }
    }

    /// Timers that have expired are to be set again, whatever the clock says: it may disagree with the timer, and two processors'
    /// clocks with each other.
    fn set_expired_timers(&mut self, now: Time) {
        SHARED.any_expired.store(false, Ordering::SeqCst);
        while let Some(index) = self.threads.find(Thread::take_expiry) {
            if self.threads.get(index).is_some_and(|thread| thread.is_to_expire(now)) {
                self.threads.set_due(index, now);
            }
        }
    }

    /// Threads on which the handler has blocked SIGALRM again have no timer any more.
    #[inline(always)]
    pub(super) fn find_kept_out(&mut self) {
        if SHARED.opened.load(Ordering::Relaxed) > 0 {
            self.use_clock_where_kept_out();
        }
    }

    #[cold]
    fn use_clock_where_kept_out(&mut self) {
        let now = clock::now();
        let is_new = |thread: &Thread| thread.is_kept_out() && thread.kind != Kind::Clock;
        while let Some(index) = self.threads.find(is_new) {
            self.use_clock(index);
            self.settle_thread(index, now);
        }
    }

    /// Expires what is due on every thread, and sets the timers of these threads anew.
    #[inline]
    fn expire(&mut self, now: Time) {
        while let Some((_, index)) = self.threads.first().filter(|(due, _)| *due <= now) {
            if let Some(scope) = self.threads.get(index).map(|thread| thread.scope) {
                self.schedule.expire(scope, now, clock::cpu_now);
            }
            self.settle_thread(index, now);
        }
        if self.schedule.any_counting() {
            self.schedule.expire_counting(now, clock::cpu_now);
        }
        self.publish(now);
    }

    /// Publishes what checks and handlers must know of a change.
    #[inline]
    pub(super) fn publish(&mut self, now: Time) {
        if self.signals.in_use() {
            ring_signals::publish(self.schedule.listening());
        }
        if self.needs_every_check() {
            // Only under the lock is it cleared.
            if !FLAG.is_set() {
                FLAG.set();
            }
            // Alarms that only the clock expires, and tickers likewise.
            if self.clock_only > 0 || self.suspended > 0 {
                tickers::set_all();
            }
        }
        self.audits.watch(now, &FLAG);
    }

    /// Whether a thread's timer may stay as it is for an alarm that is due at `deadline`. The short way, for nearly every nested
    /// alarm and every restart: the timer expires no later, and the alarm is not due yet.
    #[inline(always)]
    pub(super) fn is_covered(&mut self, scope: Scope, deadline: Time, now: Time) -> bool {
        self.threads.of(scope).is_some_and(|thread| thread.covers(deadline, now))
    }

    /// Brings everything in step after an alarm of a thread has been changed.
    pub(super) fn settle(&mut self, scope: Scope, now: Time) {
        self.find_kept_out();
        self.schedule.expire(scope, now, clock::cpu_now);
        if self.threads.of(scope).is_some() {
            self.settle_thread(scope.index(), now);
        }
        self.wake_blocked(now);
        self.publish(now);
    }

    /// The alarms of a thread have changed, or an audit has seen a check: its watchdogs' lines say so.
    #[inline(always)]
    pub(super) fn describe(&self, scope: Scope) {
        if !self.watchdogs.is_empty() {
            self.watchdogs.describe(scope, &self.schedule, self.audits.last_check(scope));
        }
    }

    /// Brings a thread's timer in step with its alarms, of which none is due.
    pub(super) fn settle_thread(&mut self, index: usize, now: Time) {
        let State { threads, schedule, audits, .. } = self;
        let Some(thread) = threads.get(index) else { return };
        let (scope, due, wait) = (thread.scope, thread.due, thread.wait);
        if thread.users == 0 {
            return self.threads.set_due(index, Time::NEVER);
        }
        let audit = audits.next_of(scope, now, &FLAG);
        if let Some(wait) = wait {
            return self.settle_blocked(index, wait, audit, now);
        }
        let wanted = schedule.next_of(scope).min(audit);
        if wanted.is_never() {
            // One that is still to expire costs a signal that means nothing, and no system call.
            if due <= now {
                self.threads.set_due(index, Time::NEVER);
            }
        } else if due <= now || wanted < due {
            self.set_timer(index, wanted, Duration::ZERO, now);
        }
    }

    /// The thread has ended. Alarms that it has forgotten have no timer any more; they live on, for other threads may have
    /// entered them.
    pub(super) fn end_thread(&mut self, scope: Scope) {
        let Some(thread) = self.threads.of(scope) else { return };
        let index = scope.index();
        if thread.users > 0 {
            self.use_clock(index);
            self.settle_thread(index, clock::now());
            set_flags();
        }
        if let Some(thread) = self.threads.of(scope) {
            thread.private = None;
        }
        if self.schedule.alarms_of(scope) == 0 {
            self.threads.remove(index);
        }
    }
}

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    /// What is as it should be is left alone: each page that a child writes to has to be copied. All of it is inlined: each
    /// stretch of code that a child runs costs a page fault.
    #[inline]
    fn start_again(&mut self) {
        SHARED.expiries.reset();
        blocked_threads::start_again();
        self.threads.start_again();
        self.installation.start_again();
        self.signals.start_again();
        tickers::start_again();
        watchdog::start_again();
        flags::start_again();
        FLAG.reset();
        implementer::skip_ids();
        // None of these is dropped: nothing is freed in a child.
        let _: Option<ManuallyDrop<Schedule>> = self.schedule.start_again();
        mem::forget(mem::replace(&mut self.watchdogs, Watchdogs::new()));
        mem::forget(mem::replace(&mut self.flags, Flags::new()));
        mem::forget(mem::replace(&mut self.audits, Audits::new()));
        self.interval = IntervalTimer::new();
        self.interval_owner = None;
        (self.active, self.clock_only, self.blocked, self.suspended) = (0, 0, 0, 0);
    }
}

/// What must happen once before the first alarm, and before anything takes the lock, so that a forked child begins with no
/// alarms, with ids of its own, and with the lock free.
///
/// Two threads may be in here at once, and both register the hooks, which allow for it. A thread that waited for another would
/// hang a child that is forked just then: it has no other.
pub(crate) fn prepare() -> Result<(), ArmError> {
    static DONE: OnceBool = OnceBool::new();
    let prepare = || {
        SHARED.bit.assign(implementer::register(&HOOK).map_err(ArmError::too_many)?);
        handler::prepare();
        single_threaded::prepare();
        thread_end::prepare(at_thread_end).map_err(|e| ArmError::system("pthread_key_create", e))?;
        fork::register::<State>().map(|()| true).map_err(|e| ArmError::system("pthread_atfork", e))
    };
    DONE.get_or_try_init(prepare).map(drop)
}

/// The lock, for a caller that may come before any alarm and cannot fail. Without hooks all goes well until the program forks
/// at the very moment at which another thread holds the lock.
pub(super) fn state_prepared() -> MutexGuard<'static, State> {
    let _ = prepare();
    STATE.lock()
}
