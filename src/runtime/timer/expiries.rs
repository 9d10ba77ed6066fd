use super::interval::NEARLY_NOTHING;
use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::itimer;
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, mask};
use crate::time::Time;

/// How many expiries may still come to the handler from values that the library has set in the interval timer.
///
/// If the count is too low, the handler forwards an expiry of the library's, and the default action may end the process. If the
/// count is too high, the handler does not forward the expiry of a *foreign value*, set by the program, and the program loses
/// that signal. So the count rises before the timer is set. It falls when an expiry comes to the handler, or when a call that
/// disarms the timer finds time left.
pub(in crate::runtime) struct Expiries {
    to_come: AtomicUsize,
    /// When the last expiry came to the handler; `NEVER` if none has come since the timer was set.
    taken: AtomicU64,
}

impl Expiries {
    pub(in crate::runtime) const fn new() -> Expiries {
        Expiries { to_come: AtomicUsize::new(0), taken: AtomicU64::new(u64::MAX) }
    }

    /// Subtracts an expiry that has come to the handler from the count, and stores the time. Returns `false`, and changes
    /// nothing, if the count is zero. Async-signal-safe.
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

    pub(super) fn start(&self, n: usize) {
        self.taken.store(u64::MAX, Ordering::SeqCst);
        self.to_come.fetch_add(n, Ordering::SeqCst);
    }

    pub(in crate::runtime) fn is_any_pending(&self) -> bool {
        !self.is_none_to_come() && itimer::get().is_ok_and(|held| held.remaining <= NEARLY_NOTHING)
    }

    pub(in crate::runtime) fn is_none_to_come(&self) -> bool {
        self.to_come.load(Ordering::SeqCst) == 0
    }

    /// Resets the count if the process has only this thread, and SIGALRM is unblocked on it. Then no expiry is pending, and the
    /// counted ones are lost. Must be called only while the timer is not set.
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
