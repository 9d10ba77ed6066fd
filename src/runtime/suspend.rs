//! Suspends and resumes the alarms.

use nix::libc;

use super::blocked_threads::is_any_blocked;
use super::previous_handler::previous_of;
use super::shared::SHARED;
use super::state::{State, state_prepared};

use super::{record, set_flags, thread_state};
use crate::os::atomic::Ordering;
use crate::os::clock;
use crate::schedule::Scope;
use crate::time::Time;

/// Disarms the timers, and restores the previous disposition and the mask of the calling thread. Checks read the clock until
/// [`resume`] has been called once for each `suspend`.
pub(crate) fn suspend() {
    let mut state = state_prepared();
    if state.suspended == 0 {
        let scope = thread_state::scope();
        let timer = state.threads.of(scope).map(|thread| (thread.kind, thread.due));
        // The handler of a ring signal still runs during a suspension. It must not set the timers of blocked threads.
        for (index, _) in state.active_threads() {
            state.hide_timer(index);
        }
        SHARED.is_suspended.store(true, Ordering::SeqCst);
        state.disarm_all();
        let may_be_pending = timer.is_some_and(|(kind, due)| state.may_be_pending(scope.index(), kind, due));
        state.suspended = 1;
        record::take_pending_expiry();
        if let Some(thread) = state.threads.of(scope) {
            if may_be_pending {
                thread.take_pending();
            }
            thread.block_alarm_again();
        }
        // The race: the kernel dequeues the signal of another thread's timer, releases the kernel's own lock, and then reads the
        // disposition. If this thread restored the previous disposition in between, that disposition would receive the signal. So
        // the handler stays installed while other threads have alarms, unless the previous disposition ignores the signal.
        let has_others = state.active_threads().iter().any(|(_, other)| *other != scope);
        if state.is_interval_cleared() && (!has_others || previous_of(libc::SIGALRM).is_ignored()) {
            state.installation.remove();
        }
    } else {
        state.suspended += 1;
    }
    let now = clock::now();
    state.settle_all(now);
    set_flags();
}

pub(crate) fn resume() {
    let mut state = state_prepared();
    // A forked child does not inherit the suspension, so there is nothing to resume.
    let Some(left) = state.suspended.checked_sub(1) else { return };
    state.suspended = left;
    if left > 0 {
        return;
    }
    let scope = thread_state::scope();
    let is_active = state.threads.of(scope).is_some_and(|thread| thread.users > 0);
    let begun = if is_active { state.begin_thread(scope).is_ok() } else { true };
    if !begun {
        state.use_clock(scope.index());
    }
    if state.active > 0 {
        let _ = state.installation.install();
        // Waits may have begun or ended during the suspension.
        if is_any_blocked() {
            let _ = state.installation.begin_interrupting();
        } else {
            state.installation.end_interrupting();
        }
        state.signals.interrupt();
    } else {
        state.installation.remove();
    }
    let now = clock::now();
    state.disarm_all();
    SHARED.is_suspended.store(false, Ordering::SeqCst);
    for (index, _) in state.active_threads() {
        state.show_timer(index);
    }
    // A ring signal that came during the suspension has woken no blocked thread, so it is handled here.
    if state.signals.in_use() {
        state.take_ring_signals(now);
    }
    state.settle_all(now);
}

impl State {
    fn disarm_all(&mut self) {
        for (index, _) in self.active_threads() {
            self.disarm(index);
        }
        if let Some(index) = self.interval_owner {
            self.go_private(index);
        }
    }

    fn settle_all(&mut self, now: Time) {
        for (index, scope) in self.active_threads() {
            self.schedule.expire(scope, now, clock::cpu_now);
            self.settle_thread(index, now);
        }
        self.publish(now);
    }

    fn active_threads(&self) -> Vec<(usize, Scope)> {
        let active = self.threads.iter().filter(|(_, thread)| thread.users > 0);
        active.map(|(index, thread)| (index, thread.scope)).collect()
    }
}
