//! The foreign timer that was given back last, to be known again when it is taken over.
//!
//! Each time that it is read out and set again its moment moves by a microsecond or two, and a program may arm a
//! hundred thousand guards under one timer. So it keeps its own moment. But only if it *is* that timer: another one,
//! set since to nearly the same moment, must not ring at the moment of this one.

use std::time::Duration;

use crate::os::itimer::Setting;
use crate::time::Time;

#[derive(Clone, Copy, Debug)]
pub(super) struct GivenBack {
    /// Its own moment.
    due: Time,
    period: Duration,
    /// Between these two it rings, as it was set.
    earliest: Time,
    latest: Time,
}

impl GivenBack {
    /// What was `set` between two moments for a timer whose own is `due`.
    pub(super) fn new(due: Time, set: Setting, before: Time, after: Time) -> GivenBack {
        let (earliest, latest) = (before.after(set.remaining), after.after(set.remaining));
        GivenBack { due, period: set.interval, earliest, latest }
    }

    /// The own moment of the timer that the kernel held between two moments, if it is this one.
    pub(super) fn moment_of(&self, held: Setting, before: Time, after: Time) -> Option<Time> {
        // The kernel cuts a remaining time to microseconds.
        const CUT: Duration = Duration::from_micros(1);
        // Held up in between, one cannot say which it is. It is then a moment later for that.
        const VAGUE: Duration = Duration::from_micros(5);

        if held.interval != self.period
            || self.latest.since(self.earliest) > VAGUE
            || after.since(before) > VAGUE
        {
            return None;
        }
        let (first, last) = (before.after(held.remaining), after.after(held.remaining + CUT));
        // Since then it may have rung for its owner.
        let nearest = last.since(self.earliest).as_nanos().checked_div(self.period.as_nanos()).unwrap_or(0);
        let rung = self.period * u32::try_from(nearest).ok()?;
        (self.earliest.after(rung) <= last && first <= self.latest.after(rung)).then(|| self.due.after(rung))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);
    const MS: Duration = Duration::from_millis(1);

    fn at(us: u32) -> Time {
        Time::from_nanos(0).after(US * us)
    }

    fn holding(remaining: Duration, interval: Duration) -> Setting {
        Setting { remaining, interval }
    }

    #[test]
    fn is_known_again() {
        let given = GivenBack::new(at(1_000), holding(900 * US, Duration::ZERO), at(101), at(102));
        let read = |remaining| given.moment_of(holding(remaining, Duration::ZERO), at(201), at(202));
        assert_eq!(read(799 * US), Some(at(1_000)));
        assert_eq!(read(801 * US), Some(at(1_000)));
    }

    #[test]
    fn another_is_not_taken_for_it() {
        let given = GivenBack::new(at(1_000), holding(900 * US, Duration::ZERO), at(101), at(102));
        let read = |remaining, interval| given.moment_of(holding(remaining, interval), at(201), at(202));
        for other in [790, 795, 805, 810, 890] {
            assert_eq!(read(other * US, Duration::ZERO), None, "{other}");
        }
        assert_eq!(read(800 * US, MS), None);
    }

    #[test]
    fn a_periodic_one_keeps_its_phase() {
        let given = GivenBack::new(at(1_000), holding(900 * US, 5 * MS), at(101), at(102));
        let read = |remaining| given.moment_of(holding(remaining, 5 * MS), at(11_801), at(11_802));
        assert_eq!(read(4_200 * US), Some(at(16_000)));
        assert_eq!(read(4_290 * US), None);
        assert_eq!(read(4_110 * US), None);
    }
}
