//! The timer of a thread: its kind, and how it is set and disarmed.

pub(super) mod expiries;
pub(super) mod interval;
pub(super) mod posix;

use std::io;
use std::time::Duration;

use nix::libc;

use self::interval::{Found, IntervalTimer};
use self::posix::PosixTimer;
use super::previous_handler::previous_of;
use super::thread_state::Thread;
use super::threads::Threads;
use crate::error::ArmError;
use crate::os::disposition::{Disposition, Kind as Action};
use crate::os::handler::CAN_BLOCK_ON_RETURN;
use crate::os::itimer::{self, Setting};
use crate::os::posix_timer::SUPPORTED;
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, pending};
use crate::schedule::Scope;
use crate::time::Time;

/// The kind of a thread's timer, chosen when the thread arms its outermost alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The interval timer (`setitimer`), if the process has only this thread, and the program does not use that timer.
    Interval,
    /// A POSIX timer (`timer_create`) that signals this thread alone, if the interval timer cannot be used.
    Private,
    /// No timer: the checks of the thread's alarms read the clock.
    Clock,
}

/// The longest time for which a timer is set, because the kernel of macOS refuses more. For a later deadline the timer is set
/// again after each expiry.
const LONGEST: Duration = Duration::from_secs(100_000_000);

pub(super) struct Timers {
    interval: IntervalTimer,
    /// The thread that uses the interval timer; `NONE` if none does.
    interval_owner: Scope,
    /// The library has once found a *foreign value* in the interval timer: a value that the program had set.
    interval_is_foreign: bool,
    /// How many threads have alarms and no timer.
    pub(super) clock_only: usize,
    pub(super) suspended: usize,
    /// No thread's timer is due before.
    pub(super) first_due: Time,
}

impl Timers {
    pub(super) const fn new() -> Timers {
        Timers {
            interval: IntervalTimer::new(),
            interval_owner: Scope::NONE,
            interval_is_foreign: false,
            clock_only: 0,
            suspended: 0,
            first_due: Time::NEVER,
        }
    }

    pub(super) fn choose(&mut self, thread: &mut Thread) {
        let may_be_interval = !self.interval_is_foreign
            && self.interval_owner == Scope::NONE
            && (is_single_threaded() || !SUPPORTED)
            && self.is_interval_cleared()
            && !thread.was_blocked
            && thread.record.next_action().is_never();
        let kind = if may_be_interval && IntervalTimer::is_free() {
            self.interval_owner = thread.scope;
            Kind::Interval
        } else {
            self.interval_is_foreign |= may_be_interval;
            if SUPPORTED { Kind::Private } else { Kind::Clock }
        };
        self.set_kind(thread, kind);
        if thread.was_blocked && !CAN_BLOCK_ON_RETURN {
            self.use_clock(thread);
        }
    }

    fn set_kind(&mut self, thread: &mut Thread, kind: Kind) {
        self.clock_only += usize::from(kind == Kind::Clock);
        self.clock_only -= usize::from(thread.kind == Kind::Clock);
        thread.kind = kind;
    }

    pub(super) fn use_clock(&mut self, thread: &mut Thread) {
        self.disarm(thread);
        self.set_kind(thread, Kind::Clock);
    }

    pub(super) fn set_due(&mut self, thread: &mut Thread, due: Time) {
        thread.due = due;
        self.first_due = self.first_due.min(due);
    }

    /// Sets a thread's timer. If the kernel refuses, the checks of the thread's alarms read the clock from now on.
    pub(super) fn set(&mut self, thread: &mut Thread, due: Time, repeat: Duration, now: Time) {
        let due = due.min(now.after(LONGEST));
        self.set_due(thread, due);
        if self.suspended == 0 && self.try_set(thread, due, repeat, now).is_err() {
            // The kernel's timer may still be set for another moment, or repeat, so it is deleted.
            thread.delete_private();
            self.set_kind(thread, Kind::Clock);
        }
    }

    fn try_set(&mut self, thread: &mut Thread, due: Time, repeat: Duration, now: Time) -> io::Result<()> {
        if thread.kind == Kind::Interval {
            if SUPPORTED && (!repeat.is_zero() || !is_single_threaded()) {
                self.disarm_interval(thread);
                self.release_interval(thread);
            } else {
                match self.interval.set(due, repeat, now, clock::now) {
                    Ok(Found::Own) => return Ok(()),
                    Err(_) => self.release_interval(thread),
                    Ok(Found::Foreign { held, has_expired }) => {
                        let _ = self.interval.disarm();
                        self.leave_to_the_program(thread, held, has_expired);
                    }
                }
            }
        }
        if thread.kind == Kind::Private { thread.set_private(due, repeat) } else { Ok(()) }
    }

    pub(super) fn expire_now(&mut self, thread: &mut Thread, repeat: Duration) {
        self.set_due(thread, clock::now().after(repeat));
        if self.suspended == 0 {
            let set = |timer: &PosixTimer| timer.id()?.set(Time::PAST, repeat);
            let _ = thread.private.as_ref().map(set);
        }
    }

    /// Disarms a thread's timer. If the calling thread is that thread and has SIGALRM unblocked, no signal of the timer is
    /// pending when this function returns.
    pub(super) fn disarm(&mut self, thread: &mut Thread) {
        thread.due = Time::NEVER;
        if let Some(wait) = &mut thread.wait {
            wait.is_woken = false;
        }
        if self.suspended > 0 {
            return;
        }
        match thread.kind {
            Kind::Interval => self.disarm_interval(thread),
            Kind::Private => thread.disarm_private(),
            Kind::Clock => {}
        }
    }

    pub(super) fn disarm_all(&mut self, threads: &mut Threads) {
        for thread in threads.active() {
            self.disarm(thread);
            if thread.kind == Kind::Interval {
                self.release_interval(thread);
            }
        }
    }

    /// If the kernel once refused to disarm the interval timer, tries again. Returns `false` if the kernel still refuses.
    pub(super) fn is_interval_cleared(&mut self) -> bool {
        if self.interval_owner != Scope::NONE || !self.interval.is_set() {
            return true;
        }
        match self.interval.disarm() {
            Ok(Found::Own) => true,
            Ok(Found::Foreign { held, .. }) => {
                self.interval_is_foreign = true;
                itimer::set(held).is_ok()
            }
            Err(_) => false,
        }
    }

    fn disarm_interval(&mut self, thread: &mut Thread) {
        match self.interval.disarm() {
            Ok(Found::Own) => {}
            Ok(Found::Foreign { held, has_expired }) => self.leave_to_the_program(thread, held, has_expired),
            Err(_) => self.release_interval(thread),
        }
    }

    /// Makes a thread use a private timer from now on, unless its checks read the clock.
    pub(super) fn need_private(&mut self, thread: &mut Thread) -> Result<(), ArmError> {
        let timer = thread.private().and_then(|timer| timer.id());
        timer.map_err(|e| ArmError::system("timer_create", e))?;
        if thread.kind == Kind::Interval {
            self.disarm(thread);
            self.release_interval(thread);
        }
        Ok(())
    }

    fn release_interval(&mut self, thread: &mut Thread) {
        self.interval_owner = Scope::NONE;
        self.set_kind(thread, if SUPPORTED { Kind::Private } else { Kind::Clock });
    }

    /// Forgets the timer of a thread whose last user is dropped. The caller has disarmed it.
    #[inline]
    pub(super) fn release(&mut self, thread: &mut Thread) {
        self.interval.forget_lost();
        if thread.kind == Kind::Interval {
            self.interval_owner = Scope::NONE;
        }
        self.set_kind(thread, Kind::Private);
    }

    /// Leaves the interval timer to the program for good. Sets the foreign value again or, if that value has expired, sends its
    /// signal again.
    ///
    /// If SIGALRM would take the default action, this function drops the value, because the value may be the library's own, and
    /// its expiry would end the process. The program may have saved and restored it with `alarm`, or the clock may run
    /// differently from the timer.
    fn leave_to_the_program(&mut self, thread: &mut Thread, held: Setting, has_expired: bool) {
        self.interval_is_foreign = true;
        self.interval.forget_lost();
        self.release_interval(thread);
        if !is_harmless() {
            return;
        }
        if held != Setting::DISARMED {
            let _ = itimer::set(held);
        }
        if has_expired {
            pending::send(libc::SIGALRM);
        }
    }

    #[inline(always)]
    pub(super) fn use_interval(&self) -> bool {
        self.interval_owner != Scope::NONE
    }

    /// Marks the interval timer's thread as due if that timer has a foreign value, or has expired before `due` by the clock.
    /// `expire` then sets the thread's timer again.
    pub(super) fn find_interval_expiry(&mut self, threads: &mut Threads, now: Time) {
        let Some(thread) = threads.of(self.interval_owner) else { return };
        let has_expired = self.interval.has_expired();
        let is_foreign = match has_expired {
            true => self.interval.has_expired_early(),
            false => self.interval.is_replaced(now),
        };
        if is_foreign {
            self.interval.forget();
            self.leave_to_the_program(thread, Setting::DISARMED, has_expired);
        }
        if is_foreign || (has_expired && thread.is_to_expire(now)) {
            self.set_due(thread, now);
        }
    }

    #[inline]
    pub(super) fn start_again(&mut self) {
        *self = Timers { interval_is_foreign: self.interval_is_foreign, ..Timers::new() };
    }

    /// Sets the interval timer for the alarm that the parent has armed, because a fork does not copy timers.
    #[cfg(feature = "process")]
    #[inline]
    pub(super) fn set_interval_again(&mut self, threads: &mut Threads, clock: impl Fn() -> Time + Copy) {
        self.interval = IntervalTimer::new();
        let Some(thread) = threads.of(self.interval_owner) else { return };
        let mut set = |due| self.interval.set(due, Duration::ZERO, clock(), clock);
        if !thread.due.is_never() && !set(thread.due).is_ok_and(|found| found == Found::Own) {
            self.use_clock(thread);
        }
    }
}

fn is_harmless() -> bool {
    let is_harmless = |it: &Disposition| it.kind() != Action::Default;
    previous_of(libc::SIGALRM).get().is_some_and(is_harmless)
        || Disposition::current_of(libc::SIGALRM)
            .is_ok_and(|current| is_harmless(&current) && !current.is_ours())
}
