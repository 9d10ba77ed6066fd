//! What the kernel's timer was told, and whether what it holds later is still that.

use std::time::Duration;

use crate::os::clock;
use crate::os::itimer::Setting;
use crate::time::Time;

/// What we have told the kernel's timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Programmed {
    /// The kernel took its own reading of the clock between two of ours, so it rings between these two. Both
    /// are *never* for a timer that was told to be silent.
    earliest: Time,
    latest: Time,
    interval: Duration,
}

/// Whose the time was that the timer held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Ours.
    Ours { rung: Rung },
    /// Somebody else's.
    Foreign,
}

/// How often the timer has rung with what it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    Times(usize),
    /// Nobody can say how often, or for sure that it has at all.
    Repeatedly,
}

impl Programmed {
    /// What was told between two moments.
    pub(super) fn new(setting: Setting, before: Time, after: Time) -> Programmed {
        if setting.remaining.is_zero() {
            return Programmed { earliest: Time::NEVER, latest: Time::NEVER, interval: Duration::ZERO };
        }
        Programmed {
            earliest: before.after(setting.remaining),
            latest: after.after(setting.remaining),
            interval: setting.interval,
        }
    }

    /// Whether a ring is still to come at `first` or sooner, and is repeated if, and only if, that is wanted. Where
    /// none is wanted, one that comes once does no harm.
    pub(super) fn covers(&self, first: Time, interval: Duration, now: Time) -> bool {
        // The kernel counts in microseconds: what was set for this very moment rings up to one later. Set again it
        // would be no better, and each nested alarm would set it again.
        const ROUNDING: Duration = Duration::from_micros(1);
        if first.is_never() {
            return self.interval.is_zero();
        }
        let in_time = now < self.earliest && self.earliest < first.after(ROUNDING);
        in_time && interval.is_zero() == self.interval.is_zero()
    }

    /// Whether it may have rung, by a clock that may be behind that of the processor on which it rang.
    pub(super) fn is_spent(&self, now: Time) -> bool {
        const BEHIND: Duration = Duration::from_micros(20);
        now.after(BEHIND) >= self.earliest
    }

    /// Whose time the timer held when it was asked, between the moment `before` and now.
    pub(super) fn told_by(&self, held: Setting, before: Time) -> Told {
        // The kernel cuts a remaining time to microseconds, or makes one microsecond of an overdue one.
        const SLACK: Duration = Duration::from_micros(2);

        if self.earliest.is_never() && held == Setting::DISARMED {
            return Told::Ours { rung: Rung::Times(0) };
        }
        if held.interval != self.interval {
            return Told::Foreign;
        }
        // No wider than it must be: somebody's timer that rings between these two is taken for ours, and lost.
        let after = clock::now();
        let most = self.latest.since(before) + SLACK;
        let least = self.earliest.since(after).saturating_sub(SLACK);
        if !least.is_zero() && (least..=most).contains(&held.remaining) {
            return Told::Ours { rung: Rung::Times(0) };
        }
        let may_have_rung = self.is_spent(after);
        if !self.interval.is_zero() && may_have_rung && held.remaining <= self.interval + SLACK {
            return Told::Ours { rung: Rung::Repeatedly };
        }
        if held.remaining.is_zero() {
            return if may_have_rung { Told::Ours { rung: Rung::Times(1) } } else { Told::Foreign };
        }
        if (least..=most).contains(&held.remaining) {
            Told::Ours { rung: Rung::Times(0) }
        } else {
            Told::Foreign
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: Duration = Duration::from_micros(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn told(remaining: Duration, interval: Duration) -> (Programmed, Time) {
        let now = clock::now();
        (Programmed::new(Setting { remaining, interval }, now, now.after(US)), now)
    }

    fn holds(remaining: Duration) -> Setting {
        Setting { remaining, interval: Duration::ZERO }
    }

    #[test]
    fn knows_its_own_time() {
        let (ours, now) = told(10 * SECOND, Duration::ZERO);
        assert_eq!(ours.told_by(holds(10 * SECOND - US), now), Told::Ours { rung: Rung::Times(0) });
        assert_eq!(ours.told_by(holds(10 * SECOND + 2 * US), now), Told::Ours { rung: Rung::Times(0) });
    }

    #[test]
    fn knows_a_stranger() {
        let (ours, now) = told(10 * SECOND, Duration::ZERO);
        for theirs in [SECOND, 9 * SECOND, 10 * SECOND + 10 * US, 20 * SECOND, Duration::ZERO] {
            assert_eq!(ours.told_by(holds(theirs), now), Told::Foreign, "{theirs:?}");
        }
        let periodic = Setting { remaining: 10 * SECOND, interval: SECOND };
        assert_eq!(ours.told_by(periodic, now), Told::Foreign);
    }

    #[test]
    fn knows_that_it_has_rung() {
        let (ours, now) = told(US, Duration::ZERO);
        while clock::now() < now.after(3 * US) {}
        assert_eq!(ours.told_by(Setting::DISARMED, now), Told::Ours { rung: Rung::Times(1) });
        assert_eq!(ours.told_by(holds(SECOND), now), Told::Foreign);

        let (ours, now) = told(US, SECOND);
        while clock::now() < now.after(3 * US) {}
        let held = Setting { remaining: SECOND / 2, interval: SECOND };
        assert_eq!(ours.told_by(held, now), Told::Ours { rung: Rung::Repeatedly });
    }

    #[test]
    fn silence_is_ours_too() {
        let (ours, now) = told(Duration::ZERO, Duration::ZERO);
        assert_eq!(ours.told_by(Setting::DISARMED, now), Told::Ours { rung: Rung::Times(0) });
        assert_eq!(ours.told_by(holds(SECOND), now), Told::Foreign);
    }

    #[test]
    fn an_earlier_ring_covers_a_later_wish() {
        let (ours, now) = told(SECOND, Duration::ZERO);
        assert!(ours.covers(now.after(SECOND), Duration::ZERO, now));
        assert!(ours.covers(now.after(2 * SECOND), Duration::ZERO, now));
        assert!(!ours.covers(now.after(SECOND / 2), Duration::ZERO, now));
        assert!(!ours.covers(now.after(2 * SECOND), Duration::ZERO, now.after(SECOND)), "spent");
        assert!(!ours.covers(now.after(2 * SECOND), SECOND, now), "once is not again and again");
        assert!(ours.covers(Time::NEVER, Duration::ZERO, now));

        let odd = now.after(SECOND - Duration::from_nanos(999));
        assert!(ours.covers(odd, Duration::ZERO, now), "set for that moment it would ring no sooner");
        assert!(!ours.covers(now.after(SECOND - US), Duration::ZERO, now));

        let (ours, now) = told(SECOND, SECOND);
        assert!(ours.covers(now.after(SECOND), SECOND, now));
        assert!(!ours.covers(now.after(SECOND), Duration::ZERO, now), "nor the other way round");
        assert!(!ours.covers(Time::NEVER, Duration::ZERO, now), "it would go on for nobody");
    }
}
