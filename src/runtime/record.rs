//! What the handler reads and writes of a thread: its record.

use std::time::Duration;

use super::shared::SHARED;
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::os::handler::{Arrival, Sender};
use crate::os::posix_timer::{TimerId, When};
use crate::os::thread::Handle;
use crate::os::{mask, pending};

/// What the handler reads of a thread.
pub(super) struct Record {
    /// The thread's timer has expired, and has not been set since.
    pub(super) has_expired: AtomicBool,
    /// As [`Handle`] names it; zero for none.
    pub(super) thread: AtomicUsize,
    /// The thread had SIGALRM blocked, and the library has let it in.
    pub(super) is_opened: AtomicBool,
    /// A signal that was not the library's has come there, and SIGALRM is blocked again.
    pub(super) is_kept_out: AtomicBool,
    /// A signal that was sent to the thread is to be sent again, as soon as none is pending that would take it in.
    pub(super) is_raise_due: AtomicBool,
    /// The thread's private timer, while the thread is blocked in a system call; zero if not.
    pub(super) wake_by: AtomicUsize,
    /// A handler has set that timer.
    pub(super) is_woken: AtomicBool,
    /// The thread's private timer, from when it is set until it is disarmed; else zero.
    pub(super) set_timer: AtomicUsize,
}

impl Record {
    pub(super) fn new() -> Record {
        Record {
            has_expired: AtomicBool::new(false),
            thread: AtomicUsize::new(0),
            is_opened: AtomicBool::new(false),
            is_kept_out: AtomicBool::new(false),
            is_raise_due: AtomicBool::new(false),
            wake_by: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
            set_timer: AtomicUsize::new(0),
        }
    }

    pub(super) fn clear(&self) {
        self.has_expired.store(false, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
        self.is_opened.store(false, Ordering::SeqCst);
        self.is_kept_out.store(false, Ordering::SeqCst);
        self.is_raise_due.store(false, Ordering::SeqCst);
        self.wake_by.store(0, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
        self.set_timer.store(0, Ordering::SeqCst);
    }
}

/// A timer with this value has expired. Says whether it is a thread's, and notes it. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    SHARED.threads.at(value).map(note_expiry).is_some()
}

/// In this order: who clears the second finds the first.
fn note_expiry(record: &Record) {
    record.has_expired.store(true, Ordering::SeqCst);
    SHARED.any_expired.store(true, Ordering::SeqCst);
}

/// Whether a signal of the library's may have come to another handler in this handler's place: a timer has expired, and
/// this handler has not seen it. Async-signal-safe.
pub(super) fn is_any_expiry_unhandled() -> bool {
    let this = Handle::current().0;
    let is_this = |record: &&Record| record.thread.load(Ordering::SeqCst) == this;
    let timer = SHARED.threads.iter().find(is_this);
    let timer = timer.and_then(|record| TimerId::from_bits(record.set_timer.load(Ordering::SeqCst)));
    timer.is_some_and(TimerId::has_expired) || SHARED.expiries.is_any_pending()
}

/// If the calling thread had SIGALRM blocked before its first alarm: blocks it again from the moment at which the handler
/// returns, and sends this signal again, so that it is pending as the program expects. From then on the checks of the
/// thread's alarms read the clock. Async-signal-safe.
pub(super) fn keep_out(arrival: &Arrival, sender: Sender) -> bool {
    if SHARED.opened.load(Ordering::SeqCst) == 0 {
        return false;
    }
    let this = Handle::current().0;
    let is_this = |record: &&Record| {
        record.thread.load(Ordering::SeqCst) == this && record.is_opened.load(Ordering::SeqCst)
    };
    let Some(record) = SHARED.threads.iter().find(is_this) else { return false };
    if !arrival.can_block_on_return() {
        return false;
    }
    let timer = TimerId::from_bits(record.set_timer.load(Ordering::SeqCst));
    let has_expired = timer.is_some_and(TimerId::has_expired);
    if let Some(timer) = timer {
        let _ = timer.set(When::Never, Duration::ZERO);
        record.set_timer.store(0, Ordering::SeqCst);
    }
    // Still opened: where this handler has interrupted another, the end of that one lets SIGALRM in once more.
    record.is_kept_out.store(true, Ordering::SeqCst);
    // The kernel drops a signal to a thread while another is pending for that thread, also that of a disarmed timer.
    if sender == Sender::Raise {
        arrival.block_on_return();
        if pending::is_alarm_pending() {
            record.is_raise_due.store(true, Ordering::SeqCst);
            return true;
        }
    } else if !has_expired {
        // Else the timer's signal may be pending. It comes first when this handler returns, and then this one again.
        arrival.block_on_return();
    }
    arrival.send_again(sender);
    true
}

/// Has the handler take an expiry of the disarmed interval timer that is pending for the process. Not where the calling thread
/// has SIGALRM blocked.
///
/// The race: the kernel has chosen another thread for the signal. 1. That thread has not dequeued it: a thread whose mask changes
/// does. 2. It has: it runs the library's handler, now or later.
pub(super) fn take_pending_expiry() {
    let is_let_in = || mask::is_alarm_blocked().is_ok_and(|blocked| !blocked);
    if !SHARED.expiries.is_none_to_come() && is_let_in() && mask::block_alarm().is_ok() {
        let _ = mask::unblock_alarm();
    }
}
