//! Counts the expiries of the interval timer that the handler has not taken.

use super::interval::NEARLY_NOTHING;
use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::itimer;
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, mask};
use crate::time::Time;

/// How many expiries of the library's may still come to the handler.
///
/// A count that is too low is fatal: the handler would forward an expiry of the library's, and the default action would end the
/// process. A count that is too high costs a program that sets the timer over an armed alarm one signal. So the count rises before
/// the timer is set. It falls when the handler takes an expiry, or when a call has found time left in the timer.
pub(in crate::runtime) struct Expiries {
    to_come: AtomicUsize,
    /// When the handler took the last expiry; *never* if it has taken none since the timer was set.
    taken: AtomicU64,
}

impl Expiries {
    pub(in crate::runtime) const fn new() -> Expiries {
        Expiries { to_come: AtomicUsize::new(0), taken: AtomicU64::new(u64::MAX) }
    }

    /// Takes an expiry for the handler, and notes the time. Returns `false` if there is none. Async-signal-safe.
    pub(in crate::runtime) fn handle(&self) -> bool {
        let is_taken = self.take();
        if is_taken {
            self.taken.store(clock::now().as_nanos(), Ordering::SeqCst);
        }
        is_taken
    }

    pub(super) fn take(&self) -> bool {
        self.to_come.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
    }

    /// Must be called before the timer is set.
    pub(super) fn start(&self, n: usize) {
        self.taken.store(u64::MAX, Ordering::SeqCst);
        self.to_come.fetch_add(n, Ordering::SeqCst);
    }

    /// Returns whether the timer has expired and the handler has not taken the expiry.
    pub(in crate::runtime) fn is_any_pending(&self) -> bool {
        !self.is_none_to_come() && itimer::get().is_ok_and(|held| held.remaining <= NEARLY_NOTHING)
    }

    pub(in crate::runtime) fn is_none_to_come(&self) -> bool {
        self.to_come.load(Ordering::SeqCst) == 0
    }

    /// Resets the count, if no expiry can be pending: this thread is the only one, and has SIGALRM unblocked. The timer must not be
    /// set.
    pub(super) fn forget_lost(&self) {
        if !self.is_none_to_come()
            && is_single_threaded()
            && mask::is_alarm_blocked().is_ok_and(|blocked| !blocked)
        {
            self.reset();
        }
    }

    pub(in crate::runtime) fn reset(&self) {
        if !self.is_none_to_come() {
            self.to_come.store(0, Ordering::SeqCst);
        }
    }

    pub(super) fn taken(&self) -> Time {
        Time::from_nanos(self.taken.load(Ordering::SeqCst))
    }
}
