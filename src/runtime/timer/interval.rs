//! The interval timer, for the thread of a single-threaded process.
//!
//! A process has one interval timer (`setitimer(ITIMER_REAL)`). The rest of the program may set it too, to a *foreign value*. Two
//! signs show a foreign value: a system call returns more or less time left than the library's value can have, or the timer
//! expires too early. Once the library has seen either sign, it never uses this timer again.

use std::io;
use std::time::Duration;

use crate::os::atomic::spin_loop;
use crate::os::clock;
use crate::os::itimer::{self, Setting};
use crate::os::single_threaded::is_single_threaded;
use crate::runtime::shared::SHARED;
use crate::time::Time;

/// The most time left that `setitimer` returns for a timer that has expired. The kernel returns 1 us until its hrtimer callback
/// has returned, and rounding adds 1 us.
pub(super) const NEARLY_NOTHING: Duration = Duration::from_micros(2);

const ROUNDING: Duration = Duration::from_micros(2);

const MANY: usize = usize::MAX / 4;

pub(in crate::runtime) struct IntervalTimer {
    /// The earliest and the latest possible moment of the expiry; `None` if the timer is not set.
    expiry: Option<(Time, Time)>,
    repeats: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) enum Found {
    /// The timer held the library's value, or was disarmed.
    Own,
    Foreign {
        held: Setting,
        has_expired: bool,
    },
}

impl IntervalTimer {
    pub(in crate::runtime) const fn new() -> IntervalTimer {
        IntervalTimer { expiry: None, repeats: false }
    }

    pub(in crate::runtime) fn is_free() -> bool {
        // A limit: a foreign value with less than a microsecond left is not noticed, because `getitimer` then returns zero.
        itimer::get().is_ok_and(|held| held == Setting::DISARMED)
    }

    /// Sets the timer to expire after the time from `now` to `due`. The caller has read `now` from `clock` before, so the expiry
    /// comes a little after `due`. Returns whose value the timer held.
    #[inline]
    pub(in crate::runtime) fn set(
        &mut self,
        due: Time,
        repeat: Duration,
        now: Time,
        clock: impl Fn() -> Time,
    ) -> io::Result<Found> {
        // A running timer is disarmed first, so that it is clear which value an expiry comes from.
        if self.is_set() && !self.is_over() {
            let found = self.disarm()?;
            if found != Found::Own {
                return Ok(found);
            }
        }
        let remaining = due.since(now).max(Duration::from_micros(1));
        let setting = Setting::rounded(remaining, repeat);
        SHARED.expiries.start(if repeat.is_zero() { 1 } else { MANY });
        let held = itimer::set(setting).inspect_err(|_| _ = SHARED.expiries.take())?;
        self.expiry = Some((now.after(setting.remaining), clock().after(setting.remaining)));
        self.repeats = !repeat.is_zero();
        Ok(if held == Setting::DISARMED { Found::Own } else { Found::Foreign { held, has_expired: false } })
    }

    pub(in crate::runtime) fn is_set(&self) -> bool {
        self.expiry.is_some()
    }

    fn is_over(&self) -> bool {
        SHARED.expiries.is_none_to_come() && !self.has_expired_early()
    }

    /// Disarms the timer. Returns whose value the timer held. If the timer has expired and SIGALRM is unblocked on this thread,
    /// the expiry has been handled when this function returns, or another thread is about to handle it.
    pub(in crate::runtime) fn disarm(&mut self) -> io::Result<Found> {
        if !is_single_threaded() {
            self.wait_if_close();
        }
        let before = clock::now();
        let held = itimer::set(Setting::DISARMED)?;
        let mut after = before;
        let mut found = self.judge(held, before, after);
        // If the thread was preempted, the call happened later than `before`, so the second judgement reads the clock again.
        if found != Found::Own {
            after = clock::now();
            found = self.judge(held, before, after);
        }
        let comes_no_more = match (found, self.expiry) {
            (Found::Own, _) => held.remaining > NEARLY_NOTHING,
            (Found::Foreign { has_expired, .. }, Some((earliest, _))) => !has_expired && after < earliest,
            (Found::Foreign { .. }, None) => false,
        };
        if comes_no_more {
            SHARED.expiries.take();
        }
        if self.repeats {
            SHARED.expiries.reset();
        }
        self.expiry = None;
        self.repeats = false;
        self.forget_lost();
        Ok(found)
    }

    /// Corrects the count of expiries if one will not come, because the kernel merged its signal with another pending signal.
    pub(in crate::runtime) fn forget_lost(&self) {
        if !self.is_set() {
            SHARED.expiries.forget_lost();
        }
    }

    /// Waits for an expiry that is due within 50 us.
    ///
    /// A timer with less than 2 us left cannot be distinguished from an expired one. The library could then not know whether
    /// another thread is about to handle the timer's signal.
    #[cold]
    fn wait_if_close(&self) {
        let Some((earliest, latest)) = self.expiry else { return };
        if earliest > clock::now().after(Duration::from_micros(50)) {
            return;
        }
        // Bounded, in case the clock is frozen.
        for _ in 0..100_000 {
            // If the timer is found disarmed after `latest`, it has expired. Either the kernel has merged its signal with
            // another, or a handler is about to subtract the expiry from the count.
            let is_over =
                || clock::now() > latest && itimer::get().is_ok_and(|held| held == Setting::DISARMED);
            if SHARED.expiries.is_none_to_come() || is_over() {
                return;
            }
            spin_loop();
        }
    }

    pub(in crate::runtime) fn has_expired(&self) -> bool {
        self.expiry.is_some() && !SHARED.expiries.taken().is_never()
    }

    pub(in crate::runtime) fn has_expired_early(&self) -> bool {
        let taken = SHARED.expiries.taken();
        self.expiry.is_some_and(|(earliest, _)| taken < earliest.before(ROUNDING)) && !self.repeats
    }

    /// Returns whether a foreign value has replaced the library's: the library's value is overdue, but the timer has time left.
    /// An overdue value alone proves nothing, because a busy kernel is late by milliseconds.
    pub(in crate::runtime) fn is_replaced(&self, now: Time) -> bool {
        self.expiry.is_some_and(|(_, latest)| latest < now)
            && !self.repeats
            && !SHARED.expiries.is_none_to_come()
            && is_single_threaded()
            && itimer::get().is_ok_and(|held| held.remaining > NEARLY_NOTHING)
    }

    pub(in crate::runtime) fn forget(&mut self) {
        self.expiry = None;
        SHARED.expiries.reset();
    }

    /// Returns whose value `held` is. It was read between `before` and `after`.
    fn judge(&self, held: Setting, before: Time, after: Time) -> Found {
        let expired_early = self.has_expired_early();
        let is_own = match self.expiry {
            _ if expired_early => false,
            None => held == Setting::DISARMED,
            Some(_) if self.repeats => !held.interval.is_zero(),
            Some(_) if !held.interval.is_zero() => false,
            Some((earliest, latest)) => {
                let (from, to) = (before.after(held.remaining), after.after(held.remaining));
                let may_be_over = held.remaining <= NEARLY_NOTHING && earliest <= after.after(ROUNDING);
                may_be_over || (earliest <= to.after(ROUNDING) && from <= latest.after(ROUNDING))
            }
        };
        if is_own { Found::Own } else { Found::Foreign { held, has_expired: expired_early } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(n: u64) -> Time {
        Time::from_nanos(n * 1_000)
    }

    fn held(remaining: u64, interval: u64) -> Setting {
        let [remaining, interval] = [remaining, interval].map(Duration::from_micros);
        Setting { remaining, interval }
    }

    #[test]
    fn nothing_set_and_something_held_is_foreign() {
        let timer = IntervalTimer::new();
        assert_eq!(timer.judge(held(0, 0), micros(5), micros(6)), Found::Own);
        assert_eq!(
            timer.judge(held(9, 0), micros(5), micros(6)),
            Found::Foreign { held: held(9, 0), has_expired: false }
        );
    }

    #[test]
    fn own_value_is_known_by_the_moment_of_its_expiry() {
        let timer = IntervalTimer { expiry: Some((micros(1_000), micros(1_010))), repeats: false };
        for (remaining, before, after) in
            [(500, 500, 501), (509, 501, 502), (0, 1_000, 1_001), (1, 1_004, 1_005)]
        {
            assert_eq!(timer.judge(held(remaining, 0), micros(before), micros(after)), Found::Own);
        }
        for (remaining, interval) in [(400, 0), (600, 0), (500, 500), (0, 0)] {
            let held = held(remaining, interval);
            assert_eq!(
                timer.judge(held, micros(500), micros(501)),
                Found::Foreign { held, has_expired: false }
            );
        }
        assert_eq!(timer.judge(held(100, 0), micros(500), micros(901)), Found::Own);
    }
}
