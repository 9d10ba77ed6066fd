//! What each thread remembers of its own alarms.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::owner;
use crate::error::ArmError;
use crate::os::mask;
use crate::schedule::Scope;

struct Thread {
    /// Zero until the first alarm.
    scope: Cell<u64>,
    /// How many alarms of this thread live.
    alive: Cell<usize>,
    /// Whether SIGALRM was blocked here before the first of them.
    was_blocked: Cell<bool>,
    /// Whether the thread waits in a system call.
    waits: Cell<bool>,
}

thread_local! {
    // Constant and without a destructor, so that alarms work in the destructors of other thread-locals too.
    static THREAD: Thread =
        const {
            Thread {
                scope: Cell::new(0),
                alive: Cell::new(0),
                was_blocked: Cell::new(false),
                waits: Cell::new(false),
            }
        };
}

/// The scope of the calling thread: never that of another, not even of one that has ended.
pub(super) fn scope() -> Scope {
    static LAST: AtomicU64 = AtomicU64::new(0);
    THREAD.with(|thread| {
        if thread.scope.get() == 0 {
            thread.scope.set(LAST.fetch_add(1, Ordering::Relaxed) + 1);
        }
        Scope(thread.scope.get())
    })
}

/// One alarm more on this thread: the first lets SIGALRM in.
///
/// The kernel hands the timer's signal to any thread that lets it in. Each thread that has an alarm must be
/// one of them, for it may be the last.
pub(super) fn enter() -> Result<(), ArmError> {
    THREAD.with(|thread| {
        if thread.alive.get() == 0 {
            let blocked = owner::open().map_err(|e| ArmError::system("pthread_sigmask", e))?;
            thread.was_blocked.set(blocked);
        }
        thread.alive.set(thread.alive.get() + 1);
        Ok(())
    })
}

/// One alarm less on this thread. With the last one SIGALRM is shut out again, if it had been: before the
/// disposition is put back, for the program's own must not meet a signal that it had blocked. Says whether it
/// was shut out; then an [`owner::uncount`] is due when all is put back.
pub(super) fn leave() -> bool {
    THREAD.with(|thread| {
        let alive = thread.alive.get().saturating_sub(1);
        thread.alive.set(alive);
        let close = alive == 0 && thread.was_blocked.replace(false);
        if close {
            owner::close();
        }
        close
    })
}

/// The thread begins to wait; `false` if it does already.
pub(super) fn begin_waiting() -> bool {
    THREAD.with(|thread| !thread.waits.replace(true))
}

pub(super) fn is_waiting() -> bool {
    THREAD.with(|thread| thread.waits.get())
}

pub(super) fn end_waiting() {
    THREAD.with(|thread| thread.waits.set(false));
}

/// Shuts SIGALRM out again for a while, if it had been; says whether, as [`leave`] does.
pub(super) fn suspend() -> bool {
    THREAD.with(|thread| {
        let close = thread.was_blocked.get();
        if close {
            owner::close();
        }
        close
    })
}

/// Lets it in again.
pub(super) fn resume() {
    THREAD.with(|thread| {
        if thread.was_blocked.get() {
            let _ = owner::open(); // It has succeeded before.
        }
    });
}

/// In a forked child: the alarms of this thread stayed with the parent.
pub(super) fn start_again() {
    THREAD.with(|thread| {
        thread.alive.set(0);
        thread.waits.set(false);
        if thread.was_blocked.replace(false) {
            let _ = mask::block_alarm();
        }
    });
}
