//! The state behind the lock, and how a change of the schedule updates the timers.

use std::time::Duration;

use super::audit::Audits;
use super::blocked_threads::is_any_blocked;
use super::deadline_actions::DeadlineActions;
use super::fork::prepare;
use super::installation::Installation;
use super::ring_signals::{self, Signals};
use super::shared::SHARED;
use super::thread_state::Thread;
use super::threads::Threads;
use super::timer::{Kind, Timers};
use super::{set_flags, tickers};
use crate::os::atomic::Ordering;
use crate::os::fork::{ForkMutex, MutexGuard};
use crate::os::{clock, pending};
use crate::schedule::{Schedule, Scope};
use crate::time::Time;

/// The data behind the lock. To exclude a deadlock, no handler takes the lock, and its holder calls no code of the program.
pub(super) struct State {
    pub(super) schedule: Schedule,
    pub(super) threads: Threads,
    pub(super) timers: Timers,
    pub(super) installation: Installation,
    pub(super) signals: Signals,
    pub(super) actions: DeadlineActions,
    pub(super) audits: Audits,
    /// How many threads have alarms that need SIGALRM.
    pub(super) active: usize,
    /// `Some` if a child that is forked now inherits the only alarm. The value is one moment, on the library's clock and on the
    /// kernel's.
    #[cfg(feature = "process")]
    pub(super) handed_over: Option<(Time, Time)>,
}

pub(super) static STATE: ForkMutex<State> = ForkMutex::new(State {
    schedule: Schedule::new(),
    threads: Threads::new(),
    timers: Timers::new(),
    installation: Installation::new(nix::libc::SIGALRM),
    signals: Signals::new(),
    actions: DeadlineActions::new(),
    audits: Audits::new(),
    active: 0,
    #[cfg(feature = "process")]
    handed_over: None,
});

impl State {
    #[inline]
    pub(super) fn look(&mut self) -> Time {
        let now = self.clear_flag();
        self.look_at(now);
        now
    }

    #[inline]
    pub(super) fn clear_flag(&mut self) -> Time {
        // The race: a handler on another thread sets the flag at a deadline, while this thread clears the flag.
        // 1. The handler sets the flag before the clearing. This thread reads the clock after the clearing, so it finds that the
        //    deadline has passed. (`clear` promises that order on every processor.)
        // 2. The handler sets the flag after the clearing. The flag stays set, and the next check takes the slow path.
        if !self.needs_every_check() {
            SHARED.flag.clear();
        }
        clock::now()
    }

    pub(super) fn needs_every_check(&self) -> bool {
        self.schedule.any_expired()
            || self.schedule.any_counting()
            || self.timers.clock_only > 0
            || (self.timers.suspended > 0 && self.active > 0)
    }

    #[inline]
    pub(super) fn look_at(&mut self, now: Time) {
        if self.signals.in_use() {
            self.take_ring_signals(now);
        }
        if self.timers.use_interval() {
            self.timers.find_interval_expiry(&mut self.threads, now);
        }
        if SHARED.any_expired.load(Ordering::Relaxed) {
            self.set_expired_timers(now);
        }
        if SHARED.must_reinstall.load(Ordering::Relaxed) {
            self.installation.reinstall();
            // A timer's signal may have been lost while the handler was not installed, so the next check reads the clock again.
            SHARED.flag.set();
        }
        self.find_blocked_again();
        self.expire(now);
    }

    #[cold]
    pub(super) fn take_ring_signals(&mut self, now: Time) {
        for number in ring_signals::take_arrived() {
            // If no unexpired alarm listens to the signal, the library sends it again, and the handler forwards it.
            if self.schedule.signal(number) {
                self.wake_blocked(now);
            } else {
                pending::send(number as i32);
            }
        }
    }

    /// Finds the threads whose timers have expired although the clock has not reached `due`. Sets their `due` to `now`, so that
    /// `expire` sets the timers again.
    fn set_expired_timers(&mut self, now: Time) {
        SHARED.any_expired.store(false, Ordering::SeqCst);
        for thread in self.threads.iter_mut() {
            if thread.take_expiry() && thread.is_to_expire(now) {
                self.timers.set_due(thread, now);
            }
        }
    }

    /// Makes a thread's checks read the clock if the handler has blocked SIGALRM on it again, because a timer's signal would stay
    /// pending there.
    #[inline(always)]
    pub(super) fn find_blocked_again(&mut self) {
        if SHARED.unblocked_threads.load(Ordering::Relaxed) > 0 {
            self.use_clock_where_blocked_again();
        }
    }

    #[cold]
    fn use_clock_where_blocked_again(&mut self) {
        let now = clock::now();
        let is_new = |thread: &&mut Thread| thread.is_blocked_again() && thread.kind != Kind::Clock;
        let State { threads, timers, schedule, audits, actions, .. } = self;
        for thread in threads.iter_mut().filter(is_new) {
            timers.use_clock(thread);
            timers.settle(thread, (schedule, audits, actions), now);
        }
    }

    #[inline]
    fn expire(&mut self, now: Time) {
        if is_any_blocked() {
            self.expire_all(now);
        }
        if self.timers.first_due <= now {
            self.expire_due(now);
        }
        if self.schedule.any_counting() {
            self.schedule.expire_counting(now, clock::cpu_now);
        }
        self.publish(now);
    }

    /// Expires the due alarms of all threads, because a wait may end at another thread's alarm. Otherwise the timer of the wait
    /// would be set for a past moment, again and again.
    #[cold]
    pub(super) fn expire_all(&mut self, now: Time) {
        for thread in self.threads.iter_mut() {
            self.schedule.expire(thread.scope, now, clock::cpu_now);
        }
    }

    fn expire_due(&mut self, now: Time) {
        let State { threads, timers, schedule, audits, actions, .. } = self;
        timers.first_due = Time::NEVER;
        for thread in threads.iter_mut() {
            if thread.due <= now {
                schedule.expire(thread.scope, now, clock::cpu_now);
                timers.settle(thread, (schedule, audits, actions), now);
            }
            timers.first_due = timers.first_due.min(thread.due);
        }
    }

    #[inline]
    pub(super) fn publish(&mut self, now: Time) {
        if self.signals.in_use() {
            ring_signals::publish(self.schedule.listening());
        }
        if self.needs_every_check() || self.audits.await_check(now) {
            if !SHARED.flag.is_set() {
                SHARED.flag.set();
            }
            // Without a timer, no signal sets the flags of tickers.
            if self.timers.clock_only > 0 || self.timers.suspended > 0 {
                tickers::set_all();
            }
        }
    }

    pub(super) fn settle(&mut self, scope: Scope, now: Time) {
        self.find_blocked_again();
        self.schedule.expire(scope, now, clock::cpu_now);
        self.settle_thread(scope, now);
        self.wake_blocked(now);
        self.publish(now);
    }

    #[inline(always)]
    pub(super) fn describe(&self, scope: Scope) {
        if self.actions.has_watchdogs() {
            self.actions.describe(scope, &self.schedule, self.audits.last_check(scope));
        }
    }

    #[inline]
    pub(super) fn settle_thread(&mut self, scope: Scope, now: Time) {
        let State { threads, timers, schedule, audits, actions, .. } = self;
        if let Some(thread) = threads.of(scope) {
            timers.settle(thread, (schedule, audits, actions), now);
        }
    }

    pub(super) fn settle_threads(&mut self, now: Time, is_meant: impl Fn(&Thread) -> bool) {
        let State { threads, timers, schedule, audits, actions, .. } = self;
        for thread in threads.iter_mut().filter(|thread| is_meant(thread)) {
            timers.settle(thread, (schedule, audits, actions), now);
        }
    }

    /// Deletes the timer of a thread that has ended. The thread's undropped alarms remain, because other threads may check them.
    pub(super) fn end_thread(&mut self, scope: Scope) {
        let Some(thread) = self.threads.of(scope) else { return };
        if thread.users > 0 {
            self.timers.use_clock(thread);
            self.settle_thread(scope, clock::now());
            set_flags();
        }
        if let Some(thread) = self.threads.of(scope) {
            thread.private = None;
            // Another thread may get this thread's handle, and the handler must not find this record for it.
            thread.record.thread.store(0, Ordering::SeqCst);
            if thread.was_blocked {
                thread.forget_mask();
            }
        }
        if self.schedule.alarms_of(scope) == 0 {
            self.threads.remove(scope);
        }
    }
}

impl Timers {
    /// Sets a thread's timer for the next deadline. The caller has expired the due alarms.
    fn settle(
        &mut self,
        thread: &mut Thread,
        (schedule, audits, actions): (&Schedule, &Audits, &DeadlineActions),
        now: Time,
    ) {
        if thread.users == 0 {
            thread.due = Time::NEVER;
            return;
        }
        let action = if actions.is_empty() { Time::NEVER } else { thread.record.next_action() };
        // If an action is overdue, the timer expires at once. But `expire` must not find the timer due again.
        let others = audits.next_of(thread.scope, now).min(action.max(now.after(Duration::from_nanos(1))));
        if let Some(wait) = thread.wait {
            return self.settle_blocked(thread, wait, schedule, others, now);
        }
        let wanted = schedule.next_of(thread.scope).min(others);
        if wanted.is_never() {
            // The timer stays set: one useless signal costs less than a system call at each drop.
            if thread.due <= now {
                thread.due = Time::NEVER;
            }
        } else if thread.due <= now || wanted < thread.due || !action.is_never() {
            // With an action, the handler may have set the timer for a later moment than `due`.
            self.set(thread, wanted, Duration::ZERO, now);
        }
    }
}

/// Takes the lock, for a caller that cannot return an error. A limit: if the C library has refused the fork hooks, and another
/// thread holds the lock at a fork, the child waits for the lock for ever.
pub(super) fn state_prepared() -> MutexGuard<'static, State> {
    let _ = prepare();
    STATE.lock()
}
