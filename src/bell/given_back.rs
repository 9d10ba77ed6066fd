//! The foreign timer that was given back last, to be known again when it is taken over.
//!
//! Each time that it is read out and set again its moment moves by a microsecond or two, and a program may arm a
//! hundred thousand guards under one timer. So it keeps its own moment. But only if it *is* that timer. Another one, set
//! since to the same moment within a few microseconds, cannot be told from it, and rings at the moment of this one.

use std::time::Duration;

use super::programmed::Programmed;
use crate::os::itimer::Setting;
use crate::time::Time;

#[derive(Clone, Copy, Debug)]
pub(super) struct GivenBack {
    /// Its own moment.
    pub(super) due: Time,
    /// Zero for a timer that rings once.
    pub(super) period: Duration,
    /// What the kernel was told.
    pub(super) told: Programmed,
}

impl GivenBack {
    /// The own moment of the timer that the kernel held between two moments, if it can be this one.
    ///
    /// It can if it was not to ring sooner than it says now, but for the microseconds by which readings err; nor later
    /// than if it was read as soon as it was asked. Where the thread was held up before that, it is not known again, and
    /// rings later by as much: better than that another one, set to any moment in between, should ring too early.
    pub(super) fn moment_of(&self, held: Setting, before: Time, after: Time) -> Option<Time> {
        // The kernel cuts a remaining time to microseconds, and was given one that was rounded up to them.
        const CUT: Duration = Duration::from_micros(1);
        // From the reading of the clock to that of the timer, in the same system call.
        const ASKED: Duration = Duration::from_micros(3);
        if held.interval != self.period {
            return None;
        }
        let first = before.after(held.remaining);
        let last = after.min(before.after(ASKED)).after(held.remaining + CUT);
        // Since then it may have rung for its owner.
        let rung = last.since(self.due).as_nanos().checked_div(self.period.as_nanos()).unwrap_or(0);
        let own = self.due.after(self.period.checked_mul(u32::try_from(rung).ok()?)?);
        (own <= last && first <= own.after(2 * CUT)).then_some(own)
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

    fn given_back(period: Duration) -> GivenBack {
        GivenBack { due: at(1_000), period, told: Programmed::SILENT }
    }

    fn holding(remaining: Duration, interval: Duration) -> Setting {
        Setting { remaining, interval }
    }

    #[test]
    fn is_known_again() {
        let given = given_back(Duration::ZERO);
        let read = |remaining| given.moment_of(holding(remaining, Duration::ZERO), at(201), at(202));
        assert_eq!(read(799 * US), Some(at(1_000)));
        assert_eq!(read(801 * US), Some(at(1_000)));
    }

    #[test]
    fn nobody_rings_early_for_it() {
        let given = given_back(Duration::ZERO);
        let step = if cfg!(miri) { 250 } else { 7 };
        for (before, held_up) in
            (100..600_u32).step_by(step).flat_map(|before| [(before, 1), (before, 20), (before, 200)])
        {
            for remaining in
                (1_000 - before - 300..1_000 - before + 300).step_by(if cfg!(miri) { 13 } else { 1 })
            {
                let held = holding(US * remaining, Duration::ZERO);
                let sooner = given.moment_of(held, at(before), at(before + held_up));
                assert!(sooner.is_none_or(|own| own.after(2 * US) >= at(before).after(held.remaining)));
                assert!(
                    sooner.is_none_or(|own| own <= at(before + held_up.min(3) + 1).after(held.remaining))
                );
            }
        }
    }

    #[test]
    fn another_is_not_taken_for_it() {
        let given = given_back(Duration::ZERO);
        let read = |remaining, interval| given.moment_of(holding(remaining, interval), at(201), at(202));
        for other in [790, 795, 805, 810, 890] {
            assert_eq!(read(other * US, Duration::ZERO), None, "{other}");
        }
        assert_eq!(read(800 * US, MS), None);
    }

    #[test]
    fn a_periodic_one_keeps_its_phase() {
        let given = given_back(5 * MS);
        let read = |remaining| given.moment_of(holding(remaining, 5 * MS), at(11_801), at(11_802));
        assert_eq!(read(4_200 * US), Some(at(16_000)));
        assert_eq!(read(4_290 * US), None);
        assert_eq!(read(4_110 * US), None);
    }
}
