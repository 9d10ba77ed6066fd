//! Counts the expiries of the interval timer that the handler has not taken.

use super::interval::NEARLY_NOTHING;
use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::itimer::{self, Setting};
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, mask, pending};
use crate::time::Time;

/// How many expiries of the library's may still come to the handler.
///
/// Too few is fatal: the handler would forward one, and the default action would end the process. Too many costs a program
/// that sets the timer over an armed alarm one signal. So the count rises before the timer is set. It falls when the handler
/// takes an expiry, or when a call has found time left in the timer.
pub(in crate::runtime) struct Expiries {
    to_come: AtomicUsize,
    /// When the timer expires at the latest; *never* while a call changes the timer.
    latest: AtomicU64,
    /// When the handler took the last one.
    taken: AtomicU64,
}

impl Expiries {
    pub(in crate::runtime) const fn new() -> Expiries {
        Expiries {
            to_come: AtomicUsize::new(0),
            latest: AtomicU64::new(u64::MAX),
            taken: AtomicU64::new(u64::MAX),
        }
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

    pub(super) fn add(&self, n: usize) {
        self.to_come.fetch_add(n, Ordering::SeqCst);
    }

    /// Whether the timer has expired and no handler has taken the expiry.
    pub(in crate::runtime) fn is_any_pending(&self) -> bool {
        self.to_come.load(Ordering::SeqCst) > 0
            && itimer::get().is_ok_and(|held| held.remaining <= NEARLY_NOTHING)
    }

    pub(in crate::runtime) fn is_none_to_come(&self) -> bool {
        self.to_come.load(Ordering::SeqCst) == 0
    }

    /// Forgets what is counted, when the timer is not set and nothing can be pending: this thread is the only one, with SIGALRM
    /// unblocked. The kernel has merged that expiry with another pending signal.
    pub(in crate::runtime) fn forget_lost(&self) {
        if !self.is_none_to_come()
            && is_single_threaded()
            && mask::is_alarm_blocked().is_ok_and(|blocked| !blocked)
        {
            self.reset();
        }
    }

    /// Takes the expiry that the kernel has merged with a signal of another sender: the timer has expired, and its signal is
    /// neither handled nor pending. Async-signal-safe.
    ///
    /// In its last microsecond the timer is read out as none, so it is read after that. Another thread could be about to handle
    /// the signal, so this is done without other threads only.
    pub(in crate::runtime) fn find_merged(&self) {
        let latest = Time::from_nanos(self.latest.load(Ordering::Acquire));
        if !self.is_none_to_come()
            && clock::now() > latest.after(NEARLY_NOTHING)
            && is_single_threaded()
            && itimer::get().is_ok_and(|held| held == Setting::DISARMED)
            && !pending::is_alarm_pending()
        {
            self.handle();
        }
    }

    /// Forgets the expiry of a replaced value, after the timer was set anew, when it can neither be pending nor be handled by
    /// another thread.
    pub(super) fn forget_replaced(&self) {
        if self.to_come.load(Ordering::SeqCst) == 2
            && is_single_threaded()
            && mask::is_alarm_blocked().is_ok_and(|blocked| !blocked)
        {
            self.take();
        }
    }

    /// Forgets all: nothing is set, and nothing is pending.
    pub(in crate::runtime) fn reset(&self) {
        if self.to_come.load(Ordering::SeqCst) != 0 {
            self.to_come.store(0, Ordering::SeqCst);
        }
    }

    /// Must be called before the timer is changed.
    pub(super) fn begin_change(&self) {
        self.latest.store(u64::MAX, Ordering::Release);
    }

    /// Notes when the timer, which has been set, expires at the latest.
    pub(super) fn end_change(&self, latest: Time) {
        self.latest.store(latest.as_nanos(), Ordering::Release);
    }

    /// Forgets what the handler has taken until now: it was the expiry before.
    pub(super) fn forget_taken(&self) {
        self.taken.store(u64::MAX, Ordering::SeqCst);
    }

    /// When the handler took the last one.
    pub(super) fn taken(&self) -> Time {
        Time::from_nanos(self.taken.load(Ordering::SeqCst))
    }
}
