//! What each thread remembers of its own alarms.

use std::cell::Cell;

use super::owner;
use crate::error::ArmError;
use crate::os::atomic::{AtomicU64, Ordering};
use crate::os::local::thread_local;
use crate::os::mask;
use crate::schedule::Scope;

struct Thread {
    /// Zero until the first alarm.
    scope: Cell<u64>,
    /// How many alarms of this thread live.
    alive: Cell<usize>,
    /// Whether SIGALRM has been let in for them.
    let_in: Cell<bool>,
    /// Whether it was blocked here before.
    was_blocked: Cell<bool>,
    /// How many suspensions there are, in which the mask is the thread's own.
    suspended: Cell<usize>,
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
                let_in: Cell::new(false),
                was_blocked: Cell::new(false),
                suspended: Cell::new(0),
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

impl Thread {
    /// Lets SIGALRM in, if it should be and is not.
    ///
    /// The kernel hands the timer's signal to any thread that lets it in. Each thread that has an alarm must be one
    /// of them, for it may be the last.
    fn let_in(&self) -> Result<(), ArmError> {
        if self.alive.get() > 0 && self.suspended.get() == 0 && !self.let_in.get() {
            let blocked = owner::open().map_err(|e| ArmError::system("pthread_sigmask", e))?;
            self.was_blocked.set(blocked);
            self.let_in.set(true);
        }
        Ok(())
    }

    /// Shuts it out again, if it had been: before the disposition is put back, for the program's own must not meet a
    /// signal that it had blocked. Says whether it was shut out; then [`owner::closed`] is due when all is put back.
    fn shut_out(&self) -> bool {
        let close = self.let_in.replace(false) && self.was_blocked.replace(false);
        if close && owner::close().is_err() {
            // Open until it can be shut: whoever leaves next tries again.
            self.let_in.set(true);
            self.was_blocked.set(true);
        }
        close
    }
}

/// One alarm more on this thread: the first lets SIGALRM in.
pub(super) fn enter() -> Result<(), ArmError> {
    THREAD.with(|thread| {
        thread.alive.set(thread.alive.get() + 1);
        thread.let_in().inspect_err(|_| thread.alive.set(thread.alive.get() - 1))
    })
}

/// One alarm more on a thread that lets SIGALRM in already; `false` if it does not, and nothing is done.
pub(super) fn enter_again() -> bool {
    THREAD.with(|thread| {
        let let_in = thread.let_in.get();
        thread.alive.set(thread.alive.get() + usize::from(let_in));
        let_in
    })
}

/// One alarm less on a thread that has others; `false` if it has none, and nothing is done.
pub(super) fn leave_others() -> bool {
    THREAD.with(|thread| {
        let others = thread.alive.get() > 1;
        thread.alive.set(thread.alive.get() - usize::from(others));
        others
    })
}

/// One alarm less on this thread. The answer is that of [`Thread::shut_out`].
pub(super) fn leave() -> bool {
    THREAD.with(|thread| {
        thread.alive.set(thread.alive.get().saturating_sub(1));
        thread.alive.get() == 0 && thread.shut_out()
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

/// Gives the thread its own mask back for a while. The answer is that of [`Thread::shut_out`].
pub(super) fn suspend() -> bool {
    THREAD.with(|thread| {
        thread.suspended.set(thread.suspended.get() + 1);
        thread.shut_out()
    })
}

/// Ends one suspension.
pub(super) fn resume() {
    THREAD.with(|thread| {
        thread.suspended.set(thread.suspended.get().saturating_sub(1));
        let _ = thread.let_in(); // It has succeeded before.
    });
}

/// In a forked child: the alarms of this thread stayed with the parent.
pub(super) fn start_again() {
    THREAD.with(|thread| {
        thread.alive.set(0);
        thread.waits.set(false);
        thread.suspended.set(0);
        thread.let_in.set(false);
        if thread.was_blocked.replace(false) {
            let _ = mask::block_alarm();
        }
    });
}
