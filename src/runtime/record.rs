//! The record of a thread: the thread's data that handlers read and write.

use std::time::Duration;

use super::shared::SHARED;
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::os::handler::{Arrival, Sender};
use crate::os::posix_timer::{TimerId, When};
use crate::os::{mask, pending, thread};

#[derive(Default)]
pub(super) struct Record {
    /// The thread's timer has expired, and no slow path has noticed that yet.
    pub(super) has_expired: AtomicBool,
    /// The thread's [handle](thread::handle); zero for a free record.
    pub(super) thread: AtomicUsize,
    pub(super) is_unblocked_by_library: AtomicBool,
    /// The handler has blocked SIGALRM again, because it received a *foreign* signal (not the library's) on the thread.
    pub(super) is_blocked_again: AtomicBool,
    /// The program's `raise` must be repeated later. The kernel would drop it now, because another SIGALRM is pending for the
    /// thread.
    pub(super) is_raise_due: AtomicBool,
    /// The thread's private timer while the thread is blocked in a system call; else zero.
    pub(super) wait_timer: AtomicUsize,
    /// A handler has set the timer in `wait_timer` to expire at once.
    pub(super) is_woken: AtomicBool,
    /// The thread's private timer; zero until it is set, and after it was disarmed.
    pub(super) armed_timer: AtomicUsize,
}

impl Record {
    pub(super) fn clear(&self) {
        self.has_expired.store(false, Ordering::SeqCst);
        self.thread.store(0, Ordering::SeqCst);
        self.is_unblocked_by_library.store(false, Ordering::SeqCst);
        self.is_blocked_again.store(false, Ordering::SeqCst);
        self.is_raise_due.store(false, Ordering::SeqCst);
        self.wait_timer.store(0, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
        self.armed_timer.store(0, Ordering::SeqCst);
    }
}

/// Notes the expiry of a thread's timer. `value` comes from the timer's signal. Returns `false` if it belongs to no thread.
/// Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    SHARED.threads.at(value).map(note_expiry).is_some()
}

/// Sets `has_expired` before `any_expired`, because a check reads `has_expired` only after it has found `any_expired` set.
fn note_expiry(record: &Record) {
    record.has_expired.store(true, Ordering::SeqCst);
    SHARED.any_expired.store(true, Ordering::SeqCst);
}

/// Returns whether the calling thread's timer or the interval timer may have an unhandled expiry, whose signal went to another
/// handler. Async-signal-safe.
pub(super) fn is_any_expiry_unhandled() -> bool {
    let this = thread::handle();
    let is_this = |record: &&Record| record.thread.load(Ordering::SeqCst) == this;
    let timer = SHARED.threads.iter().find(is_this);
    let timer = timer.and_then(|record| TimerId::from_bits(record.armed_timer.load(Ordering::SeqCst)));
    timer.is_some_and(TimerId::has_expired) || SHARED.expiries.is_any_pending()
}

/// Handles a foreign signal (not the library's) on a thread where the library has unblocked SIGALRM. The program expects such a
/// signal to stay pending. So this function sends it again, and makes the handler's return block SIGALRM. The thread's later
/// checks read the clock. Returns `false`, and does nothing, on other threads. Async-signal-safe.
pub(super) fn block_again_and_resend(arrival: &Arrival, sender: Sender) -> bool {
    if SHARED.unblocked_threads.load(Ordering::SeqCst) == 0 {
        return false;
    }
    let this = thread::handle();
    let is_this = |record: &&Record| {
        record.thread.load(Ordering::SeqCst) == this && record.is_unblocked_by_library.load(Ordering::SeqCst)
    };
    let Some(record) = SHARED.threads.iter().find(is_this) else { return false };
    if !arrival.can_block_on_return() {
        return false;
    }
    let timer = TimerId::from_bits(record.armed_timer.load(Ordering::SeqCst));
    let has_expired = timer.is_some_and(TimerId::has_expired);
    if let Some(timer) = timer {
        let _ = timer.set(When::Never, Duration::ZERO);
        record.armed_timer.store(0, Ordering::SeqCst);
    }
    // `is_unblocked_by_library` stays set: this run of the handler may have interrupted an earlier run, whose return restores a
    // mask with SIGALRM unblocked. The handler then receives the next signal too, and must handle it here.
    record.is_blocked_again.store(true, Ordering::SeqCst);
    // The kernel drops a `raise` while a SIGALRM is pending for the thread. The library repeats it later.
    if sender == Sender::Raise {
        arrival.block_on_return();
        if pending::is_alarm_pending() {
            record.is_raise_due.store(true, Ordering::SeqCst);
            return true;
        }
    } else if !has_expired {
        // Not if the timer has expired, because its pending signal must still be delivered. In that case this function runs once
        // more, for the foreign signal that is sent again below, and blocks SIGALRM then.
        arrival.block_on_return();
    }
    arrival.send_again(sender);
    true
}

/// Makes the handler receive a pending expiry of the disarmed interval timer, unless the calling thread has SIGALRM blocked.
///
/// The race: the kernel may have chosen another thread for the signal.
/// 1. The other thread has not dequeued the signal. The calling thread blocks and unblocks SIGALRM, so it receives the signal.
/// 2. The other thread has dequeued the signal. That thread runs the library's handler, or is about to.
pub(super) fn take_pending_expiry() {
    let is_unblocked = || mask::is_alarm_blocked().is_ok_and(|blocked| !blocked);
    if !SHARED.expiries.is_none_to_come() && is_unblocked() && mask::block_alarm().is_ok() {
        let _ = mask::unblock_alarm();
    }
}
