//! Wakes threads that are blocked in a system call, where they cannot check.
//!
//! A blocked thread has a private timer, set for the earliest deadline that concerns the thread. The timer's signal ends the
//! system call with EINTR. The signal may come just before the system call begins, so the timer repeats.
//!
//! A *ring*, which expires an alarm on request, sets the timer to expire at once. If a signal rings the alarm, the handler sets
//! the timer, without the lock. So a thread that ends its wait removes its timer from the record that handlers read, and waits
//! until no handler uses the timer.

use std::mem;
use std::time::Duration;

use super::shared::SHARED;
use super::state::{STATE, State, state_prepared};
use super::thread_state::{Thread, Wait};
use super::timer::{Kind, Timers};
use super::{ring_signals, thread_state};
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::clock;
use crate::os::posix_timer::{SUPPORTED, TimerId};
use crate::schedule::{Key, Schedule, Scope};
use crate::time::Time;

const AGAIN: Duration = Duration::from_millis(10);

/// A wait of the calling thread. Until the wait is dropped, a deadline or a ring ends the thread's system
/// calls with EINTR.
pub(crate) struct Waiting {
    scope: Option<Scope>,
    /// The wait around this one.
    outer: Option<Wait>,
}

impl Waiting {
    /// Returns an error if no timer can end its system calls.
    pub(crate) fn begin(key: Option<Key>) -> Result<Waiting, ArmError> {
        let nothing = Ok(Waiting { scope: None, outer: None });
        let scope = thread_state::scope_registered();
        let mut state = STATE.lock();
        // No alarm can end the wait: either no alarm exists, or a forked child has `key` from its parent.
        if key.is_some_and(|key| state.schedule.get(key).is_none()) || state.schedule.is_empty() {
            return nothing;
        }
        let Some(thread) = state.threads.of(scope) else { return nothing };
        let wait = Wait { under: key, is_woken: false };
        if let Some(outer) = thread.wait.as_mut().map(|outer| mem::replace(outer, wait)) {
            state.settle_thread(scope, clock::now());
            return Ok(Waiting { scope: Some(scope), outer: Some(outer) });
        }
        state.add_user(scope)?;
        // If this changes the thread's timer to `Kind::Clock`, `begin_wait` returns an error.
        if !state.schedule.next_for(scope, key).is_never() {
            state.find_blocked_again();
        }
        let began = state.begin_wait(scope, wait);
        drop(state);
        let waiting = Waiting { scope: Some(scope), outer: None };
        began.map(|()| waiting)
    }
}

impl Waiting {
    pub(crate) fn still_has_timer(&self) -> Result<(), ArmError> {
        let is_lost = |scope| STATE.lock().threads.of(scope).is_some_and(|thread| thread.kind == Kind::Clock);
        if self.scope.is_some_and(is_lost) { Err(ArmError::no_timer()) } else { Ok(()) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(scope) = self.scope else { return };
        let mut state = STATE.lock();
        let Some(thread) = state.threads.of(scope) else { return };
        // A forked child does not inherit the wait, so there is no wait to end.
        let Some(wait) = &mut thread.wait else { return };
        if let Some(outer) = self.outer {
            *wait = Wait { is_woken: false, ..outer };
            return state.settle_thread(scope, clock::now());
        }
        state.end_wait(scope);
        state.drop_user(scope);
    }
}

impl State {
    fn begin_wait(&mut self, scope: Scope, wait: Wait) -> Result<(), ArmError> {
        let is_suspended = self.timers.suspended > 0;
        let Some(thread) = self.threads.of(scope) else { return Ok(()) };
        thread.wait = Some(wait);
        if SHARED.blocked.fetch_add(1, Ordering::SeqCst) == 0 && !is_suspended {
            self.installation.begin_interrupting()?;
            self.signals.interrupt();
        }
        if thread.kind == Kind::Clock {
            return Err(ArmError::no_timer());
        }
        if SUPPORTED {
            self.timers.need_private(thread)?;
        }
        thread.record.is_woken.store(false, Ordering::SeqCst);
        if !is_suspended {
            thread.show_timer();
        }
        let now = clock::now();
        self.timers.disarm(thread);
        self.settle_thread(scope, now);
        self.publish(now);
        let has_timer = self.threads.of(scope).is_some_and(|thread| thread.kind != Kind::Clock);
        if has_timer { Ok(()) } else { Err(ArmError::no_timer()) }
    }

    fn end_wait(&mut self, scope: Scope) {
        let Some(thread) = self.threads.of(scope) else { return };
        thread.wait = None;
        thread.hide_timer();
        self.timers.disarm(thread);
        if SHARED.blocked.fetch_sub(1, Ordering::SeqCst) == 1 && self.timers.suspended == 0 {
            self.installation.end_interrupting();
            self.signals.interrupt();
        }
        self.settle_thread(scope, clock::now());
    }

    /// Sets a blocked thread's timer anew, because a handler may have set it to expire at once and repeat.
    #[cold]
    pub(super) fn settle_if_blocked(&mut self, scope: Scope, now: Time) {
        if self.threads.of(scope).is_some_and(|thread| thread.wait.is_some()) {
            self.settle_thread(scope, now);
        }
    }

    #[inline(always)]
    pub(super) fn wake_blocked(&mut self, now: Time) {
        if is_any_blocked() {
            self.settle_threads(now, |thread| thread.wait.is_some());
        }
    }
}

impl Timers {
    pub(super) fn settle_blocked(
        &mut self,
        thread: &mut Thread,
        wait: Wait,
        schedule: &Schedule,
        others: Time,
        now: Time,
    ) {
        let was_woken = thread.record.is_woken.swap(false, Ordering::SeqCst);
        let is_expired = schedule.is_expired_for(thread.scope, wait.under);
        let wanted = schedule.next_for(thread.scope, wait.under).min(others);
        thread.wait = Some(Wait { is_woken: is_expired && self.suspended == 0, ..wait });
        match (is_expired, wait.is_woken || was_woken) {
            (true, true) => self.set_due(thread, now.after(AGAIN)),
            (true, false) => self.expire_now(thread, AGAIN),
            (false, _) if wanted.is_never() => self.disarm(thread),
            (false, false) if thread.due > now && thread.due == wanted => {}
            (false, _) => self.set(thread, wanted, AGAIN, now),
        }
        // The race: a handler notes a ring signal, then sets this timer to expire at once.
        // 1. The handler noted the signal before the check below. The match above may have overwritten the handler's setting, so
        //    this thread sets the timer to expire at once again.
        // 2. The handler notes the signal after the check below. It sets the timer even later, so the match cannot overwrite its
        //    setting.
        if !is_expired && ring_signals::has_any_arrived() {
            self.expire_now(thread, AGAIN);
        }
    }
}

#[inline(always)]
pub(super) fn is_any_blocked() -> bool {
    SHARED.blocked.load(Ordering::SeqCst) > 0
}

/// Async-signal-safe.
pub(super) fn wake_all() {
    if !is_any_blocked() {
        return;
    }
    SHARED.waking_handlers.fetch_add(1, Ordering::SeqCst);
    for thread in SHARED.threads.iter() {
        if let Some(timer) = TimerId::from_bits(thread.wait_timer.load(Ordering::SeqCst)) {
            thread.is_woken.store(true, Ordering::SeqCst);
            let _ = timer.set(Time::PAST, AGAIN);
        }
    }
    SHARED.waking_handlers.fetch_sub(1, Ordering::SeqCst);
}

pub(crate) fn recheck() {
    SHARED.flag.set();
}

/// Returns the next deadline that can end a wait of the calling thread under the alarm `key`.
pub(crate) fn next_under(key: Key) -> Time {
    state_prepared().schedule.next_for(thread_state::scope(), Some(key))
}

pub(crate) fn next_here() -> Option<Time> {
    let scope = thread_state::scope();
    if scope == Scope::NONE || !SHARED.any_alarm.load(Ordering::SeqCst) {
        return None;
    }
    let state = state_prepared();
    state.schedule.has_any_in(scope).then(|| state.schedule.next_for(scope, None))
}

#[inline]
pub(super) fn start_again() {
    for count in [&SHARED.blocked, &SHARED.waking_handlers] {
        if count.load(Ordering::SeqCst) > 0 {
            count.store(0, Ordering::SeqCst);
        }
    }
}
