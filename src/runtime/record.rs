//! The record of a thread: the thread's data that handlers read and write.

use std::time::Duration;

use super::deadline_actions;
use super::shared::SHARED;
use crate::os::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::os::handler::{Arrival, Sender};
use crate::os::posix_timer::TimerId;
use crate::os::{mask, pending, thread};
use crate::time::Time;

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
    /// In nanoseconds. No [deadline action](deadline_actions) of the thread is due before.
    next_action: AtomicU64,
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
        self.set_next_action(Time::NEVER);
    }

    pub(super) fn next_action(&self) -> Time {
        Time::from_nanos(self.next_action.load(Ordering::SeqCst))
    }

    pub(super) fn set_next_action(&self, due: Time) {
        self.next_action.store(due.as_nanos(), Ordering::SeqCst);
    }

    /// Lowers `next_action` to `due`, if it is later.
    pub(super) fn act_by(&self, due: Time) {
        let lower = |next: u64| Some(next.min(due.as_nanos()));
        let _ = self.next_action.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lower);
    }

    fn timer(&self) -> Option<TimerId> {
        TimerId::from_bits(self.armed_timer.load(Ordering::SeqCst))
    }

    /// Takes the due actions of the thread's alarms, and notes the expiry.
    ///
    /// The race: another thread changes an action or suspends the alarms, then sets this timer. So this function reads both
    /// again after it has set the timer. If the other thread has set it for an earlier deadline, the note below makes the next
    /// slow path do so again.
    fn on_expiry(&self) {
        deadline_actions::run(self);
        let wanted =
            || if SHARED.is_suspended.load(Ordering::SeqCst) { Time::NEVER } else { self.next_action() };
        // The timer of a blocked thread repeats.
        let is_once = |_: &TimerId| self.wait_timer.load(Ordering::SeqCst) == 0;
        let mut due = Time::NEVER;
        while let Some(timer) = self.timer().filter(is_once).filter(|_| due != wanted()) {
            due = wanted();
            let _ = timer.set(due, Duration::ZERO);
        }
        // In this order: a check that finds `any_expired` set then reads `has_expired`.
        self.has_expired.store(true, Ordering::SeqCst);
        SHARED.any_expired.store(true, Ordering::SeqCst);
    }
}

/// Handles an expiry of a thread's timer. `value` comes from the timer's signal. Returns `false` if it belongs to no thread.
/// Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    SHARED.threads.at(value).map(Record::on_expiry).is_some()
}

/// Handles an expiry of the calling thread's timer whose signal went to another handler. Returns whether that timer or the
/// interval timer may have such an expiry. Async-signal-safe.
pub(super) fn handle_missed_expiry() -> bool {
    let this = thread::handle();
    let is_this = |record: &&Record| record.thread.load(Ordering::SeqCst) == this;
    let has_expired = |record: &&Record| record.timer().is_some_and(TimerId::has_expired);
    let missed = SHARED.threads.iter().find(is_this).filter(has_expired);
    missed.map(Record::on_expiry).is_some() || SHARED.expiries.is_any_pending()
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
    let timer = record.timer();
    let has_expired = timer.is_some_and(TimerId::has_expired);
    if let Some(timer) = timer {
        let _ = timer.set(Time::NEVER, Duration::ZERO);
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
