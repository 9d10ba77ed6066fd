//! The interval timer, for the thread of a single-threaded process.
//!
//! A process has one (`setitimer(ITIMER_REAL)`), and the rest of the program may set it as well. So each call compares what the
//! timer held with what must be left of the library's time, and an expiry that comes too early is foreign. After the first
//! sign of a foreign value the library never uses this timer again.

use std::io;
use std::time::Duration;

use crate::os::atomic::spin_loop;
use crate::os::clock;
use crate::os::itimer::{self, Setting};
use crate::os::single_threaded::is_single_threaded;
use crate::runtime::shared::SHARED;
use crate::time::Time;

/// What `setitimer` returns at most of a timer that has expired: 1 us until the hrtimer callback returns, and 1 us of
/// rounding.
pub(super) const NEARLY_NOTHING: Duration = Duration::from_micros(2);

/// A microsecond of rounding on either side.
const ROUNDING: Duration = Duration::from_micros(2);

/// The count of a timer that repeats.
const MANY: usize = usize::MAX / 4;

/// The interval timer as the library has set it.
pub(in crate::runtime) struct IntervalTimer {
    /// It expires between these two moments; `None` if it is not set.
    expiry: Option<(Time, Time)>,
    repeats: bool,
}

/// What a call found in the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runtime) enum Found {
    /// What the library had set, or nothing.
    Own,
    /// A value of the rest of the program.
    Foreign { held: Setting, has_expired: bool },
}

impl IntervalTimer {
    pub(in crate::runtime) const fn new() -> IntervalTimer {
        IntervalTimer { expiry: None, repeats: false }
    }

    /// Whether the timer holds nothing.
    pub(in crate::runtime) fn is_free() -> bool {
        // A limit: in its last microsecond a foreign timer is read out as none.
        itimer::get().is_ok_and(|held| held == Setting::DISARMED)
    }

    /// Sets the timer to expire at `due`, or later by the time since `now` was read. Returns what the timer held.
    pub(in crate::runtime) fn set(&mut self, due: Time, repeat: Duration, now: Time) -> io::Result<Found> {
        let remaining = due.since(now).max(Duration::from_micros(1));
        let setting = Setting { remaining, interval: repeat }.rounded();
        SHARED.expiries.begin_change();
        let (expired_early, taken_before) = (self.has_expired_early(), SHARED.expiries.taken());
        SHARED.expiries.add(if repeat.is_zero() { 1 } else { MANY });
        let held = itimer::set(setting).inspect_err(|_| _ = SHARED.expiries.take())?;
        let after = clock::now();
        // The race: a foreign value expires between the count and the call, and the handler takes it. Then the new value has
        // time left, and the replaced one had been handled before, or was not due.
        let taken = SHARED.expiries.taken();
        let is_due =
            |(earliest, _): (Time, Time)| taken_before.is_never() && taken >= earliest.before(ROUNDING);
        let took_foreign = taken != taken_before
            && !self.expiry.is_some_and(is_due)
            && itimer::get().is_ok_and(|left| left.remaining > NEARLY_NOTHING);
        let found = self.judge(held, now, after, expired_early || took_foreign);
        SHARED.expiries.forget_taken();
        self.count_replaced(found, held, after);
        SHARED.expiries.forget_replaced();
        let latest = after.after(setting.remaining);
        self.expiry = Some((now.after(setting.remaining), latest));
        self.repeats = !repeat.is_zero();
        SHARED.expiries.end_change(latest);
        Ok(found)
    }

    /// Whether the library has set it, and not disarmed it since.
    pub(in crate::runtime) fn is_set(&self) -> bool {
        self.expiry.is_some()
    }

    /// Disarms the timer. Returns what it held. If SIGALRM is unblocked on this thread, an expiry has been handled when this
    /// returns, or another thread is about to handle it.
    pub(in crate::runtime) fn disarm(&mut self) -> io::Result<Found> {
        if !is_single_threaded() {
            self.wait_if_close();
        }
        SHARED.expiries.begin_change();
        let before = clock::now();
        let held = itimer::set(Setting::DISARMED)?;
        let mut after = before;
        let mut found = self.judge(held, before, after, self.has_expired_early());
        // A thread that was held up needs a wider bracket.
        if found != Found::Own {
            after = clock::now();
            found = self.judge(held, before, after, self.has_expired_early());
        }
        self.count_replaced(found, held, after);
        if self.repeats {
            SHARED.expiries.reset();
        }
        SHARED.expiries.forget_lost();
        self.expiry = None;
        self.repeats = false;
        Ok(found)
    }

    /// Waits for an expiry that is about to come, beside other threads.
    ///
    /// A timer with less than 2 us left is read out as one that has expired. Another thread may be about to handle the signal,
    /// so it could not be told whether the signal still comes. This happens once in a process: the library does not set this
    /// timer beside other threads.
    #[cold]
    fn wait_if_close(&self) {
        const CLOSE: Duration = Duration::from_micros(50);
        const AT_MOST: Duration = Duration::from_millis(1);
        let Some((earliest, latest)) = self.expiry else { return };
        let began = clock::now();
        if earliest > began.after(CLOSE) || began > latest.after(AT_MOST) {
            return;
        }
        while !SHARED.expiries.is_none_to_come() {
            let now = clock::now();
            let is_over = now > latest && itimer::get().is_ok_and(|held| held == Setting::DISARMED);
            if is_over || now < began || now > began.after(AT_MOST) {
                return;
            }
            spin_loop();
        }
    }

    /// Counts the expiry of a replaced value no longer, if it has certainly not come: there was time left, or a foreign value
    /// replaced it before its time.
    fn count_replaced(&self, found: Found, held: Setting, now: Time) {
        let comes_no_more = match (found, self.expiry) {
            (Found::Own, _) => held.remaining > NEARLY_NOTHING,
            (Found::Foreign { has_expired, .. }, Some((earliest, _))) => !has_expired && now < earliest,
            (Found::Foreign { .. }, None) => false,
        };
        if comes_no_more {
            SHARED.expiries.take();
        }
    }

    /// Whether the handler has taken an expiry since the timer was set.
    pub(in crate::runtime) fn has_expired(&self) -> bool {
        self.expiry.is_some() && !SHARED.expiries.taken().is_never()
    }

    /// Whether the timer has expired before its time: then a foreign value has expired.
    pub(in crate::runtime) fn has_expired_early(&self) -> bool {
        let taken = SHARED.expiries.taken();
        self.expiry.is_some_and(|(earliest, _)| taken < earliest.before(ROUNDING)) && !self.repeats
    }

    /// Whether the timer holds a foreign value that was set over an expiry of the library's: that is past its time and was not
    /// handled, and the timer has time left. The kernel may be late with an expiry by milliseconds on a busy machine.
    pub(in crate::runtime) fn is_replaced(&self, now: Time) -> bool {
        self.expiry.is_some_and(|(_, latest)| latest < now)
            && !self.repeats
            && !SHARED.expiries.is_none_to_come()
            && is_single_threaded()
            && itimer::get().is_ok_and(|held| held.remaining > NEARLY_NOTHING)
    }

    /// Forgets what the library had set, because a foreign value has replaced it and expired.
    pub(in crate::runtime) fn forget(&mut self) {
        self.expiry = None;
        SHARED.expiries.reset();
    }

    /// Judges whose value a call has read out between two moments.
    fn judge(&self, held: Setting, before: Time, after: Time, expired_early: bool) -> Found {
        let is_own = match self.expiry {
            _ if expired_early => false,
            None => held == Setting::DISARMED,
            Some(_) if self.repeats => !held.interval.is_zero(),
            Some(_) if !held.interval.is_zero() => false,
            Some((earliest, latest)) => {
                // The value expires between these two.
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
        assert_eq!(timer.judge(held(0, 0), micros(5), micros(6), false), Found::Own);
        assert_eq!(
            timer.judge(held(9, 0), micros(5), micros(6), false),
            Found::Foreign { held: held(9, 0), has_expired: false }
        );
    }

    #[test]
    fn own_value_is_known_by_the_moment_of_its_expiry() {
        let timer = IntervalTimer { expiry: Some((micros(1_000), micros(1_010))), repeats: false };
        for (remaining, before, after) in
            [(500, 500, 501), (509, 501, 502), (0, 1_000, 1_001), (1, 1_004, 1_005)]
        {
            assert_eq!(timer.judge(held(remaining, 0), micros(before), micros(after), false), Found::Own);
        }
        // Set to an earlier and a later moment, set to repeat, disarmed.
        for (remaining, interval) in [(400, 0), (600, 0), (500, 500), (0, 0)] {
            let held = held(remaining, interval);
            assert_eq!(
                timer.judge(held, micros(500), micros(501), false),
                Found::Foreign { held, has_expired: false }
            );
        }
        // A thread that was held up between the two moments has a wider bracket.
        assert_eq!(timer.judge(held(100, 0), micros(500), micros(901), false), Found::Own);
    }
}
