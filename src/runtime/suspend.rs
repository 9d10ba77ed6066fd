//! Suspends and resumes the alarms.

use nix::libc;

use super::blocked_threads::is_any_blocked;
use super::previous_handler::previous_of;
use super::shared::SHARED;
use super::state::{State, state_prepared};

use super::{record, set_flags, thread_state};
use crate::os::atomic::Ordering;
use crate::os::clock;
use crate::time::Time;

/// Disarms the timers, and restores the previous disposition and the mask of the calling thread. Checks read the clock until
/// [`resume`] has been called once for each `suspend`.
pub(crate) fn suspend() {
    let mut state = state_prepared();
    let state = &mut *state;
    if state.timers.suspended == 0 {
        let scope = thread_state::scope();
        let timer = state.threads.of(scope).map(|thread| (thread.kind, thread.due));
        // The handler of a ring signal still runs during a suspension. It must not set the timers of blocked threads.
        state.threads.active().for_each(|thread| thread.hide_timer());
        SHARED.is_suspended.store(true, Ordering::SeqCst);
        state.timers.disarm_all(&mut state.threads);
        state.timers.suspended = 1;
        record::take_pending_expiry();
        if let Some((thread, timer)) = state.threads.of(scope).zip(timer) {
            if thread.may_be_pending(timer) {
                thread.take_pending();
            }
            thread.block_alarm_again();
        }
        // The race: the kernel dequeues the signal of another thread's timer, releases the kernel's own lock, and then reads the
        // disposition. If this thread restored the previous disposition in between, that disposition would receive the signal. So
        // the handler stays installed while other threads have alarms, unless the previous disposition ignores the signal.
        let has_others = state.threads.active().any(|other| other.scope != scope);
        if state.timers.is_interval_cleared() && (!has_others || previous_of(libc::SIGALRM).is_ignored()) {
            state.installation.remove();
        }
    } else {
        state.timers.suspended += 1;
    }
    let now = clock::now();
    state.settle_all(now);
    set_flags();
}

pub(crate) fn resume() {
    let mut state = state_prepared();
    // A forked child does not inherit the suspension, so there is nothing to resume.
    let state = &mut *state;
    let Some(left) = state.timers.suspended.checked_sub(1) else { return };
    state.timers.suspended = left;
    if left > 0 {
        return;
    }
    let scope = thread_state::scope();
    let is_active = state.threads.of(scope).is_some_and(|thread| thread.users > 0);
    if is_active && state.begin_thread(scope).is_err() {
        if let Some(thread) = state.threads.of(scope) {
            state.timers.use_clock(thread);
        }
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
    state.timers.disarm_all(&mut state.threads);
    SHARED.is_suspended.store(false, Ordering::SeqCst);
    state.threads.active().for_each(|thread| thread.show_timer());
    // A ring signal that came during the suspension has woken no blocked thread, so it is handled here.
    if state.signals.in_use() {
        state.take_ring_signals(now);
    }
    state.settle_all(now);
}

impl State {
    fn settle_all(&mut self, now: Time) {
        self.expire_all(now);
        self.settle_threads(now, |_| true);
        self.publish(now);
    }
}
