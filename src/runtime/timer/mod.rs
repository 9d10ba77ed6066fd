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
use super::shared::SHARED;
use super::state::State;
use super::thread_state::Thread;
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::disposition::{Disposition, Kind as Action};
use crate::os::handler::CAN_BLOCK_ON_RETURN;
use crate::os::itimer::{self, Setting};
use crate::os::posix_timer::SUPPORTED;
use crate::os::single_threaded::is_single_threaded;
use crate::os::{clock, pending};
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

impl State {
    pub(super) fn choose_timer(&mut self, index: usize) {
        let may_be_interval = !self.interval_is_foreign
            && self.interval_owner.is_none()
            && (is_single_threaded() || !SUPPORTED)
            && self.is_interval_cleared()
            && self.threads.get(index).is_some_and(|thread| !thread.was_blocked);
        let kind = if may_be_interval && IntervalTimer::is_free() {
            self.interval_owner = Some(index);
            Kind::Interval
        } else {
            self.interval_is_foreign |= may_be_interval;
            if SUPPORTED { Kind::Private } else { Kind::Clock }
        };
        self.set_kind(index, kind);
        if self.threads.get(index).is_some_and(|thread| thread.was_blocked) && !CAN_BLOCK_ON_RETURN {
            self.use_clock(index);
        }
    }

    fn set_kind(&mut self, index: usize, kind: Kind) {
        if let Some(thread) = self.threads.get(index) {
            self.clock_only += usize::from(kind == Kind::Clock);
            self.clock_only -= usize::from(thread.kind == Kind::Clock);
            thread.kind = kind;
        }
    }

    pub(super) fn use_clock(&mut self, index: usize) {
        self.disarm(index);
        self.set_kind(index, Kind::Clock);
    }

    /// Sets a thread's timer. If the kernel refuses, the checks of the thread's alarms read the clock from now on.
    pub(super) fn set_timer(&mut self, index: usize, due: Time, repeat: Duration, now: Time) {
        let due = due.min(now.after(LONGEST));
        self.threads.set_due(index, due);
        if self.suspended == 0 && self.try_set(index, due, repeat, now).is_err() {
            // The kernel's timer may still be set for another moment, or repeat, so it is deleted.
            self.delete_private(index);
            self.set_kind(index, Kind::Clock);
        }
    }

    fn delete_private(&mut self, index: usize) {
        self.hide_timer(index);
        if let Some(thread) = self.threads.get(index) {
            thread.record.armed_timer.store(0, Ordering::SeqCst);
            thread.private = None;
        }
    }

    fn try_set(&mut self, index: usize, due: Time, repeat: Duration, now: Time) -> io::Result<()> {
        let Some(thread) = self.threads.get(index) else { return Ok(()) };
        if thread.kind == Kind::Interval {
            if SUPPORTED && (!repeat.is_zero() || !self.actions.is_empty() || !is_single_threaded()) {
                self.go_private(index);
            } else {
                match self.interval.set(due, repeat, now, clock::now) {
                    Ok(Found::Own) => return Ok(()),
                    Err(_) => self.release_interval(index),
                    Ok(Found::Foreign { held, has_expired }) => {
                        let _ = self.interval.disarm();
                        self.leave_to_the_program(index, held, has_expired);
                    }
                }
            }
        }
        match self.threads.get(index) {
            Some(thread) if thread.kind == Kind::Private => {
                let timer = thread.private()?.id()?;
                thread.record.armed_timer.store(timer.to_bits(), Ordering::SeqCst);
                timer.set(due, repeat)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn expire_timer_now(&mut self, index: usize, repeat: Duration) {
        self.threads.set_due(index, clock::now().after(repeat));
        if self.suspended > 0 {
            return;
        }
        let Some(thread) = self.threads.get(index) else { return };
        let set = |timer: &PosixTimer| timer.id()?.set(Time::PAST, repeat);
        let _ = thread.private.as_ref().map(set);
    }

    /// Disarms a thread's timer. If the calling thread is that thread and has SIGALRM unblocked, no signal of the timer is
    /// pending when this function returns.
    pub(super) fn disarm(&mut self, index: usize) {
        self.threads.set_due(index, Time::NEVER);
        let Some(thread) = self.threads.get(index) else { return };
        if let Some(wait) = &mut thread.wait {
            wait.is_woken = false;
        }
        if self.suspended > 0 {
            return;
        }
        match thread.kind {
            Kind::Interval => self.disarm_interval(index),
            Kind::Private => {
                let disarm = |timer: &PosixTimer| timer.id()?.set(Time::NEVER, Duration::ZERO);
                let is_refused =
                    thread.private.as_ref().map(disarm).is_some_and(|disarmed| disarmed.is_err());
                thread.record.armed_timer.store(0, Ordering::SeqCst);
                if is_refused {
                    self.delete_private(index);
                }
            }
            Kind::Clock => {}
        }
    }

    /// If the kernel once refused to disarm the interval timer, tries again. Returns `false` if the kernel still refuses.
    pub(super) fn is_interval_cleared(&mut self) -> bool {
        if self.interval_owner.is_some() || !self.interval.is_set() {
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

    fn disarm_interval(&mut self, index: usize) {
        match self.interval.disarm() {
            Ok(Found::Own) => {}
            Ok(Found::Foreign { held, has_expired }) => self.leave_to_the_program(index, held, has_expired),
            Err(_) => self.release_interval(index),
        }
    }

    /// Makes a thread use a private timer from now on, unless its checks read the clock.
    pub(super) fn need_private(&mut self, index: usize) -> Result<(), ArmError> {
        let Some(thread) = self.threads.get(index) else { return Ok(()) };
        let timer = thread.private().and_then(|timer| timer.id());
        timer.map_err(|e| ArmError::system("timer_create", e))?;
        if self.interval_owner == Some(index) {
            self.go_private(index);
            self.threads.set_due(index, Time::NEVER);
        }
        Ok(())
    }

    /// Makes a thread that uses the interval timer use a private timer from now on.
    pub(super) fn go_private(&mut self, index: usize) {
        if self.interval_owner == Some(index) {
            self.disarm_interval(index);
            self.release_interval(index);
        }
    }

    fn release_interval(&mut self, index: usize) {
        self.interval_owner = None;
        self.set_kind(index, if SUPPORTED { Kind::Private } else { Kind::Clock });
    }

    /// Leaves the interval timer to the program for good. Sets the foreign value again or, if that value has expired, sends its
    /// signal again.
    ///
    /// If SIGALRM would take the default action, this function drops the value, because the value may be the library's own, and
    /// its expiry would end the process. The program may have saved and restored it with `alarm`, or the clock may run
    /// differently from the timer.
    fn leave_to_the_program(&mut self, index: usize, held: Setting, has_expired: bool) {
        self.interval_is_foreign = true;
        self.interval.forget_lost();
        self.release_interval(index);
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

    /// Marks the interval timer's thread as due if that timer has a foreign value, or has expired before `due` by the clock.
    /// `expire` then sets the thread's timer again.
    pub(super) fn find_interval_expiry(&mut self, now: Time) {
        let Some(index) = self.interval_owner else { return };
        let has_expired = self.interval.has_expired();
        let is_foreign = match has_expired {
            true => self.interval.has_expired_early(),
            false => self.interval.is_replaced(now),
        };
        if is_foreign {
            self.interval.forget();
            self.leave_to_the_program(index, Setting::DISARMED, has_expired);
        }
        let is_early = |thread: &mut Thread| has_expired && thread.is_to_expire(now);
        if is_foreign || self.threads.get(index).is_some_and(is_early) {
            self.threads.set_due(index, now);
        }
    }

    pub(super) fn may_be_pending(&mut self, index: usize, kind: Kind, due: Time) -> bool {
        // Linux before 6.13 keeps the pending signal of a private timer that is disarmed, so a signal may be pending after `due`.
        // If `is_blocked_again`, the handler has disarmed the timer, and a signal may be pending even before `due`.
        !SHARED.expiries.is_none_to_come()
            || (kind == Kind::Private && due <= clock::now())
            || self.threads.get(index).is_some_and(|thread| thread.is_blocked_again())
    }
}

fn is_harmless() -> bool {
    let is_harmless = |it: &Disposition| it.kind() != Action::Default;
    previous_of(libc::SIGALRM).get().is_some_and(is_harmless)
        || Disposition::current_of(libc::SIGALRM)
            .is_ok_and(|current| is_harmless(&current) && !current.is_ours())
}
