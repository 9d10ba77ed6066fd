//! How many expiries of the interval timer may still come to the handler.

use super::interval::NEARLY_NOTHING;
use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::itimer::{self, Setting};
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, mask, pending};
use crate::time::Time;

/// How many expiries of the library's may still come to the handler.
///
/// Too few is fatal: the handler would forward one, and a default action would end the process. Too many costs a foreign
/// signal of a program that sets the timer over an armed alarm. So the count rises before the timer is set, and falls when
/// the handler takes an expiry, or when a call has read out that there was time left.
pub(in crate::runtime) struct Expiries {
    to_come: AtomicUsize,
    /// When the timer expires at the latest. *Never* while a call is changing it: what is counted and what it holds do not belong
    /// together then.
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

    /// The handler takes one, if there is one, and notes the time. Async-signal-safe.
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

    /// The timer is not set. Where this thread is the only one and lets SIGALRM in, nothing is pending either: what is still
    /// counted was lost in another signal that was pending when the timer expired.
    pub(in crate::runtime) fn forget_lost(&self) {
        if !self.is_none_to_come()
            && is_single_threaded()
            && mask::is_alarm_blocked().is_ok_and(|blocked| !blocked)
        {
            self.reset();
        }
    }

    /// A signal of another sender's has come. Where the timer has expired and its own signal is neither handled nor pending,
    /// that one has taken it in: it comes no more. Async-signal-safe.
    ///
    /// A timer in its last microsecond is read out as none; one that is late, as one. So it is asked after its moment only.
    /// Beside other threads, one of them may be about to handle the signal. There it stays counted.
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

    /// The timer has been set anew, where this thread is the only one. If it lets SIGALRM in, the signal of the value that was
    /// replaced has been handled; what is counted beside the new one never came.
    pub(super) fn forget_replaced(&self) {
        if self.to_come.load(Ordering::SeqCst) == 2
            && is_single_threaded()
            && mask::is_alarm_blocked().is_ok_and(|blocked| !blocked)
        {
            self.take();
        }
    }

    /// Nothing is set, and nothing is pending.
    pub(in crate::runtime) fn reset(&self) {
        if self.to_come.load(Ordering::SeqCst) != 0 {
            self.to_come.store(0, Ordering::SeqCst);
        }
    }

    /// A call is about to change the timer.
    pub(super) fn begin_change(&self) {
        self.latest.store(u64::MAX, Ordering::Release);
    }

    /// The timer has been set, and expires then at the latest.
    pub(super) fn end_change(&self, latest: Time) {
        self.latest.store(latest.as_nanos(), Ordering::Release);
    }

    /// What the handler has taken until now was the expiry before.
    pub(super) fn forget_taken(&self) {
        self.taken.store(u64::MAX, Ordering::SeqCst);
    }

    /// When the handler took the last one.
    pub(super) fn taken(&self) -> Time {
        Time::from_nanos(self.taken.load(Ordering::SeqCst))
    }
}
