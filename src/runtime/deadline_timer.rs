//! A private timer whose handler acts at an alarm's deadline, whether or not a check follows: for watchdogs and flags.

use std::time::Duration;

use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::posix_timer::{TimerId, When};
use crate::time::Time;

/// What the handler reads of such a timer.
pub(super) struct DeadlineTimer {
    /// When it is due, in nanoseconds. The lowest bit is set for the end of a grace: one word, so that a handler and another
    /// thread that change it see each other.
    end: AtomicU64,
    timer: AtomicUsize,
}

/// When such a timer is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due(u64);

impl Due {
    pub(super) const NEVER: Due = Due(u64::MAX - 1);

    /// At a deadline.
    pub(super) fn at(end: Time) -> Due {
        Due(end.as_nanos().checked_next_multiple_of(2).unwrap_or(Due::NEVER.0))
    }

    /// At the end of a grace.
    pub(super) fn grace(end: Time) -> Due {
        Due(Due::at(end).0 | 1)
    }

    pub(super) fn is_grace(self) -> bool {
        self.0 & 1 == 1
    }

    fn when(self) -> When {
        if self.0 | 1 == u64::MAX { When::Never } else { When::At(Time::from_nanos(self.0 & !1)) }
    }
}

impl DeadlineTimer {
    pub(super) const fn new() -> DeadlineTimer {
        DeadlineTimer { end: AtomicU64::new(Due::NEVER.0), timer: AtomicUsize::new(0) }
    }

    pub(super) fn due(&self) -> Due {
        Due(self.end.load(Ordering::SeqCst))
    }

    /// Notes the moment, and sets no timer.
    pub(super) fn note(&self, due: Due) {
        self.end.store(due.0, Ordering::SeqCst);
    }

    /// Notes the moment, and sets the timer unless the process is suspended.
    pub(super) fn set(&self, due: Due, is_suspended: bool) {
        self.note(due);
        if !is_suspended {
            self.start();
        }
    }

    /// Sets the timer for the moment that was noted. Async-signal-safe.
    pub(super) fn start(&self) {
        self.set_timer(self.due().when());
    }

    /// Disarms the timer, and keeps the moment.
    pub(super) fn stop(&self) {
        self.set_timer(When::Never);
    }

    fn set_timer(&self, when: When) {
        if let Some(timer) = TimerId::from_bits(self.timer.load(Ordering::SeqCst)) {
            let _ = timer.set(when, Duration::ZERO);
        }
    }

    /// Names the kernel's timer.
    pub(super) fn attach(&self, timer: TimerId) {
        self.timer.store(timer.to_bits(), Ordering::SeqCst);
    }

    /// Forgets the timer before it is deleted.
    pub(super) fn detach(&self) {
        self.note(Due::NEVER);
        self.stop();
        self.forget();
    }

    /// Forgets the timer in a forked child, which does not have it.
    pub(super) fn forget(&self) {
        self.note(Due::NEVER);
        self.timer.store(0, Ordering::SeqCst);
    }

    /// Returns what is due when the timer has expired. Sets it again if it expired too early. Async-signal-safe.
    pub(super) fn on_expiry(&self, now: Time) -> Option<Due> {
        let due = self.due();
        match due.when() {
            When::At(end) if now >= end => Some(due),
            When::At(_) => {
                self.start();
                None
            }
            _ => None,
        }
    }

    /// Notes another moment and sets the timer, unless another thread has changed it meanwhile. Async-signal-safe.
    pub(super) fn replace(&self, was: Due, due: Due) {
        if self.end.compare_exchange(was.0, due.0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.start();
        }
    }
}
