//! The account of the kernel timer's rings: how many it has sent, and how many our handler has dealt with.
//!
//! Whose the next one is that comes, and whether one is still on its way when our handler goes, is known by this alone.

use std::time::Duration;

use super::foreign::FOREIGN;
use super::owner;
use super::programmed::{Programmed, Rung};
use crate::os::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::os::{mask, threads};
use crate::time::Time;

/// How many rings of the kernel's timer our handler has dealt with.
///
/// Counted when the handler has nothing left to look at, so that a ring that is counted is over.
static RINGS: AtomicUsize = AtomicUsize::new(0);

/// When the last of them came. Noted before it is counted.
static LAST_RING: AtomicU64 = AtomicU64::new(0);

/// Our handler has dealt with a ring that came at that moment. Async-signal-safe.
pub(super) fn note_ring(now: Time) {
    LAST_RING.fetch_max(now.as_nanos(), Ordering::SeqCst);
    RINGS.fetch_add(1, Ordering::SeqCst);
}

/// How many have been dealt with.
pub(super) fn rings() -> usize {
    RINGS.load(Ordering::SeqCst)
}

pub(super) struct Account {
    /// How many rings were dealt with when the timer was last told something.
    counted: usize,
    /// How many rings of ours the kernel has sent that have not been counted: waiting, on their way on another
    /// thread, or merged with another that was waiting.
    under_way: usize,
}

impl Account {
    pub(super) const fn new() -> Account {
        Account { counted: 0, under_way: 0 }
    }

    /// From now on, with nothing under way.
    pub(super) fn opened() -> Account {
        Account { counted: rings(), under_way: 0 }
    }

    /// Whether none has come since the timer was last told something.
    pub(super) fn is_up_to_date(&self) -> bool {
        rings() == self.counted
    }

    /// What had come when so many were counted was none of ours.
    pub(super) fn pass_over(&mut self, rings: usize) {
        self.counted = rings;
    }

    pub(super) fn is_any_under_way(&self) -> bool {
        self.under_way > 0
    }

    /// One that was waiting has been taken, and will not come.
    pub(super) fn take_one(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Keeps the account of rings: how often the timer has `rung` with what it was last told, how many rings
    /// had been `counted` before it was told something else, and how many came `late`, during that call.
    ///
    /// If more were counted than the timer can have sent for us, one was foreign: it rang after our handler was in
    /// place and before the timer was ours, or it was that of a timer set over ours. Its owner gets it now.
    ///
    /// The account errs on one side only. A ring of ours that merges with one that was waiting, or that only
    /// seemed to have been sent, stays under way, and with other threads about, which might still be on their way
    /// to the handler with it, a foreign ring may pass for it and be lost: one that rings in the very microsecond
    /// between handler and timer, or that waits there behind the mask of every thread. The other way round, one of ours
    /// taken for foreign, would end a process whose disposition is the default.
    pub(super) fn note(&mut self, rung: Rung, counted: usize, late: usize) {
        let new = counted.wrapping_sub(self.counted);
        let sent = match rung {
            Rung::Times(n) => self.under_way + n,
            Rung::Perhaps => self.under_way + 1,
            Rung::UpTo(n) => {
                self.under_way.saturating_add(n).min(self.most_under_way(counted).saturating_add(new))
            }
        };
        if new > sent && !matches!(rung, Rung::UpTo(_)) {
            owner::keep();
        }
        self.under_way = sent.saturating_sub(new);
        // What came late was sent before the call, if something is still missing. The rest is for the next account.
        let late = late.min(self.under_way);
        self.under_way -= late;
        self.counted = counted.wrapping_add(late);
        // A thread that is alone, and lets SIGALRM in, has dealt with all that was sent. What still seems to be under
        // way never was, or was merged; or it has been counted a moment ago, by a thread that has ended since.
        if self.under_way > 0 && threads::alone() && mask::lets_alarm_in() {
            self.nothing_under_way();
        }
    }

    /// All that was sent has been dealt with.
    pub(super) fn nothing_under_way(&mut self) {
        let uncounted = rings().wrapping_sub(self.counted);
        self.counted = self.counted.wrapping_add(uncounted.min(self.under_way));
        self.under_way = 0;
    }

    /// How many rings of ours can be under way, since `counted` were: one on each thread, for the handler keeps SIGALRM
    /// out, and one that waits; and what has been counted since then, perhaps by threads that have ended.
    fn most_under_way(&self, counted: usize) -> usize {
        let threads = threads::count().unwrap_or(usize::MAX);
        let since = rings().wrapping_sub(counted);
        threads.saturating_add(1 + since)
    }

    /// Whether the ring of ours has come, and no other since the last count.
    pub(super) fn has_had(&self, ours: &Programmed) -> bool {
        // In this order: should a second one be noted meanwhile, whose time is seen and whose count is not, the next who
        // asks finds one too many.
        let one = rings() == self.counted.wrapping_add(1);
        let last = Time::from_nanos(LAST_RING.load(Ordering::SeqCst));
        self.under_way == 0 && one && ours.most_rings(last) > 0
    }

    /// Counts it.
    pub(super) fn count_one(&mut self) {
        self.counted = self.counted.wrapping_add(1);
    }

    /// Whether a ring has come when none of ours could: the timer had been set over ours before. (That a timer is silent
    /// would then tell nothing, for the other one has rung.)
    ///
    /// A handler that is late with an earlier ring of ours is not mistaken for that: such a ring is under way until it has
    /// been counted.
    pub(super) fn rang_too_soon(&self, ours: &Programmed, counted: usize) -> bool {
        let last = Time::from_nanos(LAST_RING.load(Ordering::SeqCst));
        self.under_way == 0 && counted != self.counted && ours.was_to_come(last)
    }

    /// Whether ours should have rung by now for the foreign timer, and cannot have: the timer was switched off before, and
    /// the foreign one that it stood for with it. That is a watchdog of the program's, which must not bite any more.
    ///
    /// A thread that is alone and lets SIGALRM in has dealt with all that was sent. With others about, one of them might be
    /// on its way to the handler; but not for so long.
    pub(super) fn never_rang(&self, ours: &Programmed, now: Time) -> bool {
        const LONG: Duration = Duration::from_secs(1);
        let none = self.under_way == 0 && self.is_up_to_date();
        let dealt_with = || ours.is_overdue(now.before(LONG)) || (threads::alone() && mask::lets_alarm_in());
        none && FOREIGN.due() <= now && ours.is_overdue(now) && dealt_with()
    }
}
