//! What the kernel's timer was told, and whether what it holds later is still that.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::os::itimer::Setting;
use crate::time::Time;

/// How far the clock of the processor on which a timer rings may be from that of the one on which we read it, for all
/// that is allowed for. Clocks that a kernel lets a program read are nearer together than a microsecond; but a ring of ours
/// that is taken for somebody else's ends a process whose disposition is the default, and here caution costs nothing.
const APART: Duration = Duration::from_micros(20);

/// The kernel cuts a remaining time to microseconds, or makes one microsecond of an overdue one.
const SLACK: Duration = Duration::from_micros(2);

/// It makes one also of a timer that has rung, until its own function that has sent the signal is over. On a busy machine
/// the signal may have been handled by then, and an eternity passed.
const OVERDUE: Duration = Duration::from_micros(1);

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
    /// Once, or not yet.
    Perhaps,
    /// Nobody can say how often, or for sure that it has at all; but no more often than this.
    UpTo(usize),
}

impl Programmed {
    /// Told not to ring; or it was to ring once, and has.
    pub(super) const SILENT: Programmed =
        Programmed { earliest: Time::NEVER, latest: Time::NEVER, interval: Duration::ZERO };

    /// What was told between two moments.
    pub(super) fn new(setting: Setting, before: Time, after: Time) -> Programmed {
        if setting.remaining.is_zero() {
            return Programmed::SILENT;
        }
        Programmed {
            earliest: before.after(setting.remaining),
            latest: after.after(setting.remaining),
            interval: setting.interval,
        }
    }

    /// Whether it is not to ring at all.
    pub(super) fn is_silent(&self) -> bool {
        self.earliest.is_never()
    }

    /// Whether it is to ring once, if at all.
    pub(super) fn rings_once(&self) -> bool {
        self.interval.is_zero()
    }

    /// Whether its moment, which is still to come, is known badly: the thread was held up while it was told.
    pub(super) fn is_vague(&self, now: Time) -> bool {
        const WELL: Duration = Duration::from_micros(100);
        !self.is_silent() && now < self.earliest && self.earliest.after(WELL) < self.latest
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
        // Not in its last moments: by the clock on which it rings they may be over, and the ring have been wiped out
        // with the bell that is being answered.
        let in_time = now.after(APART) < self.earliest && self.earliest < first.after(ROUNDING);
        in_time && interval.is_zero() == self.interval.is_zero()
    }

    /// How often it may have rung at most, by a clock that may be behind that of the processor on which it rang.
    ///
    /// A timer that rings again does so at its own moments, and leaves out those that come before its last ring has
    /// been taken.
    pub(super) fn most_rings(&self, now: Time) -> usize {
        let now = now.after(APART);
        if now < self.earliest {
            return 0;
        }
        let again = now.since(self.earliest).as_nanos().checked_div(self.interval.as_nanos()).unwrap_or(0);
        usize::try_from(again).unwrap_or(usize::MAX).saturating_add(1)
    }

    /// Whether it was to ring, and had not at that moment, by any clock.
    pub(super) fn was_to_come(&self, moment: Time) -> bool {
        !self.is_silent() && self.most_rings(moment) == 0
    }

    /// Whether it should have rung by that moment, by any clock.
    pub(super) fn is_overdue(&self, moment: Time) -> bool {
        self.latest.after(APART) <= moment
    }

    /// Whether it is to ring about now: in the next few microseconds, or may just have done so; and soon will have, for sure.
    pub(super) fn rings_about(&self, now: Time) -> bool {
        // Enough for a system call.
        const FEW: Duration = Duration::from_micros(3);
        const SOON: Duration = Duration::from_micros(100);
        self.rings_once() && self.earliest < now.after(FEW) && (now..=now.after(SOON)).contains(&self.latest)
    }

    /// Whether it is to ring once, and so soon that a thread which is held up from now on may come upon it as it does.
    pub(super) fn may_be_met(&self, now: Time) -> bool {
        // Nobody is held up for longer, as a rule.
        const HELD_UP: Duration = Duration::from_millis(100);
        self.rings_once() && now < self.earliest && self.earliest < now.after(HELD_UP)
    }

    /// Whether it was in its last microsecond when the timer, which held nothing, was asked between two moments: it had not
    /// rung at the first of them, and may not have been to ring at the second. The kernel reads it out as none at all then;
    /// and if the timer was told something else by the same call, it will not ring.
    pub(super) fn was_in_its_last(&self, before: Time, after: Time) -> bool {
        const MICROSECOND: Duration = Duration::from_micros(1);
        self.rings_once() && before < self.earliest && self.earliest <= after.after(MICROSECOND)
    }

    /// What ours had left between two moments.
    fn left(&self, before: Time, after: Time) -> RangeInclusive<Duration> {
        // No wider than it must be: somebody's timer that rings between these two is taken for ours, and lost.
        let longest = self.latest.since(before) + SLACK;
        let least = self.earliest.since(after).saturating_sub(SLACK);
        least..=longest
    }

    /// Whether the timer held ours when it was asked, and ours was still to come, as can be seen without another look at
    /// the clock: it was asked so soon after `before` that it held what ours had left then.
    pub(super) fn is_plainly_to_come(&self, held: Setting, before: Time) -> bool {
        let left = self.left(before, before);
        let once = self.interval.is_zero() && held.interval.is_zero();
        once && *left.start() > OVERDUE && left.contains(&held.remaining)
    }

    /// Whose time the timer held when it was asked, between two moments.
    pub(super) fn told_by(&self, held: Setting, before: Time, after: Time) -> Told {
        let may_be_over = held.interval.is_zero() && held.remaining <= OVERDUE;
        if self.is_silent() && may_be_over {
            return Told::Ours { rung: Rung::Times(0) };
        }
        if held.interval != self.interval {
            return Told::Foreign;
        }
        let left = self.left(before, after);
        let is_ours = left.contains(&held.remaining);
        // A timer that rings again holds much the same after each ring.
        if self.interval.is_zero() && !left.start().is_zero() && is_ours {
            return Told::Ours { rung: Rung::Times(0) };
        }
        let most = self.most_rings(after);
        if !self.interval.is_zero() && most > 0 && held.remaining <= self.interval + SLACK {
            return Told::Ours { rung: Rung::UpTo(most) };
        }
        if held.remaining.is_zero() {
            return if most > 0 { Told::Ours { rung: Rung::Times(1) } } else { Told::Foreign };
        }
        let rung = if may_be_over && most > 0 { Rung::Perhaps } else { Rung::Times(0) };
        if is_ours { Told::Ours { rung } } else { Told::Foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::clock;

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
        assert_eq!(
            ours.told_by(holds(10 * SECOND - US), now, clock::now()),
            Told::Ours { rung: Rung::Times(0) }
        );
        assert_eq!(
            ours.told_by(holds(10 * SECOND + 2 * US), now, clock::now()),
            Told::Ours { rung: Rung::Times(0) }
        );
    }

    #[test]
    fn knows_its_own_time_without_another_look() {
        let now = Time::from_nanos(1_000_000_000);
        let ours = Programmed::new(holds(SECOND), now, now.after(US));
        let later = now.after(SECOND / 2);
        for held in [SECOND / 2 - 2 * US, SECOND / 2, SECOND / 2 + 3 * US] {
            assert!(ours.is_plainly_to_come(holds(held), later), "{held:?}");
        }
        for held in [SECOND / 2 - 3 * US, SECOND / 2 + 4 * US, Duration::ZERO, US] {
            assert!(!ours.is_plainly_to_come(holds(held), later), "{held:?}");
        }
        assert!(!ours.is_plainly_to_come(Setting { remaining: SECOND / 2, interval: SECOND }, later));
        // Of what rings so soon, or again, it cannot be said.
        let soon = now.after(SECOND - 3 * US);
        assert!(!ours.is_plainly_to_come(holds(US), soon));
        assert!(!ours.is_plainly_to_come(holds(3 * US), soon));
        let again = Setting { remaining: SECOND, interval: SECOND };
        assert!(!Programmed::new(again, now, now).is_plainly_to_come(again, now));
        assert!(!Programmed::SILENT.is_plainly_to_come(Setting::DISARMED, now));
    }

    #[test]
    fn knows_a_stranger() {
        let (ours, now) = told(10 * SECOND, Duration::ZERO);
        for theirs in [US, SECOND, 9 * SECOND, 10 * SECOND + 30 * US, 20 * SECOND, Duration::ZERO] {
            assert_eq!(ours.told_by(holds(theirs), now, clock::now()), Told::Foreign, "{theirs:?}");
        }
        let periodic = Setting { remaining: 10 * SECOND, interval: SECOND };
        assert_eq!(ours.told_by(periodic, now, clock::now()), Told::Foreign);
    }

    #[test]
    fn knows_that_it_has_rung() {
        let (ours, now) = told(US, Duration::ZERO);
        while clock::now() < now.after(3 * US) {}
        assert_eq!(ours.told_by(Setting::DISARMED, now, clock::now()), Told::Ours { rung: Rung::Times(1) });
        assert_eq!(ours.told_by(holds(SECOND), now, clock::now()), Told::Foreign);
        // The kernel may say so before and after; and after, also when it was noted that ours has rung.
        let perhaps = Told::Ours { rung: Rung::Perhaps };
        assert_eq!(ours.told_by(holds(US), now, clock::now()), perhaps);
        let nothing_new = Told::Ours { rung: Rung::Times(0) };
        assert_eq!(Programmed::SILENT.told_by(holds(US), now, clock::now()), nothing_new);
        assert_eq!(Programmed::SILENT.told_by(holds(2 * US), now, clock::now()), Told::Foreign);

        // Asked long after the clock was read, when it has gone through its interval twice more.
        const MS: Duration = Duration::from_millis(1);
        let (ours, now) = told(MS, MS);
        while clock::now() < now.after(3 * MS) {}
        let answer = ours.told_by(Setting { remaining: MS - 10 * US, interval: MS }, now, clock::now());
        assert!(matches!(answer, Told::Ours { rung: Rung::UpTo(3..) }), "{answer:?}");

        let (ours, now) = told(US, SECOND);
        while clock::now() < now.after(3 * US) {}
        let held = Setting { remaining: SECOND / 2, interval: SECOND };
        assert_eq!(ours.told_by(held, now, clock::now()), Told::Ours { rung: Rung::UpTo(1) });
    }

    #[test]
    fn knows_how_often_it_may_have_rung() {
        const MS: Duration = Duration::from_millis(1);
        let rings = |interval, later| {
            let now = Time::from_nanos(1_000_000_000);
            Programmed::new(Setting { remaining: MS, interval }, now, now.after(US))
                .most_rings(now.after(later))
        };
        assert_eq!(rings(Duration::ZERO, MS / 2), 0);
        assert_eq!(rings(Duration::ZERO, 100 * MS), 1);
        assert_eq!(rings(MS, MS / 2), 0);
        assert_eq!(rings(MS, MS), 1);
        assert_eq!(rings(MS, 3 * MS + MS / 2), 3);
        assert_eq!(rings(MS, 4 * MS - US), 4, "the other clock may be ahead");
    }

    #[test]
    fn knows_its_last_microseconds() {
        let now = Time::from_nanos(1_000_000_000);
        let at = |moment| now.after(moment);
        let ours = Programmed::new(holds(SECOND), now, at(US));
        assert!(!ours.rings_about(at(SECOND - 3 * US)));
        assert!(ours.rings_about(at(SECOND - 2 * US)));
        assert!(ours.rings_about(at(SECOND + US)));
        assert!(!ours.rings_about(at(SECOND + 2 * US)), "it has rung");

        let in_its_last = |from, to| ours.was_in_its_last(at(from), at(to));
        assert!(!in_its_last(SECOND - 3 * US, SECOND - 2 * US), "it had two left");
        assert!(in_its_last(SECOND - 2 * US, SECOND - US));
        assert!(in_its_last(SECOND / 2, 2 * SECOND), "who knows when the thread was held up");
        assert!(!in_its_last(SECOND + US, 2 * SECOND), "it may have rung before");

        let again = Setting { remaining: SECOND, interval: SECOND };
        for other in [Programmed::new(again, now, now), Programmed::SILENT] {
            assert!(!other.rings_about(at(SECOND)) && !other.was_in_its_last(now, at(SECOND)));
        }
        // Told while the thread stood still. It may ring at any time, and is not waited for while that may be long.
        let vague = Programmed::new(holds(SECOND), now, at(SECOND / 2));
        assert!(!vague.rings_about(at(SECOND)) && vague.rings_about(at(SECOND * 3 / 2 - 100 * US)));
    }

    #[test]
    fn knows_whom_it_may_meet() {
        let now = Time::from_nanos(1_000_000_000);
        let met = |remaining, interval| {
            Programmed::new(Setting { remaining, interval }, now, now.after(US)).may_be_met(now.after(SECOND))
        };
        assert!(met(SECOND + US, Duration::ZERO) && met(SECOND * 11 / 10 - US, Duration::ZERO));
        assert!(!met(SECOND, Duration::ZERO), "it has rung");
        assert!(!met(2 * SECOND, Duration::ZERO), "not for a long time");
        assert!(!met(SECOND + US, SECOND), "it rings again");
        assert!(!Programmed::SILENT.may_be_met(now));
    }

    #[test]
    fn knows_what_it_does_not_know() {
        let now = Time::from_nanos(1_000_000_000);
        let told = |remaining, held_up| {
            let after = now.after(held_up);
            Programmed::new(Setting { remaining, interval: Duration::ZERO }, now, after).is_vague(after)
        };
        assert!(!told(SECOND, 10 * US));
        assert!(told(SECOND, 200 * US));
        assert!(!told(190 * US, 200 * US), "it may have rung");
        assert!(!told(Duration::ZERO, SECOND), "there is nothing to know");
    }

    #[test]
    fn knows_when_it_must_have_rung() {
        const MS: Duration = Duration::from_millis(1);
        let now = Time::from_nanos(1_000_000_000);
        let ours =
            Programmed::new(Setting { remaining: MS, interval: Duration::ZERO }, now, now.after(10 * US));
        assert!(!ours.is_overdue(now.after(MS + 29 * US)), "by a clock that is ahead");
        assert!(ours.is_overdue(now.after(MS + 30 * US)));
        let later = now.after(2 * MS);
        assert!(ours.covers(later, Duration::ZERO, now.after(MS - 30 * US)));
        assert!(!ours.covers(later, Duration::ZERO, now.after(MS - 10 * US)), "it may have rung");
    }

    #[test]
    fn knows_one_that_rings_again() {
        const MS: Duration = Duration::from_millis(1);
        let now = Time::from_nanos(1_000_000_000);
        let ours = Programmed::new(Setting { remaining: MS, interval: MS }, now, now.after(US));
        let told = |remaining, at| {
            let asked = now.after(at);
            ours.told_by(Setting { remaining, interval: MS }, asked, asked.after(US))
        };
        assert_eq!(told(MS / 2, MS / 2), Told::Ours { rung: Rung::Times(0) });
        assert_eq!(told(MS / 4, MS / 2), Told::Foreign, "it is not at it yet");
        assert_eq!(told(10 * US, MS - 10 * US), Told::Ours { rung: Rung::UpTo(1) }, "it may have rung");
        assert_eq!(told(5 * MS, 3 * MS), Told::Foreign, "longer than its interval");
    }

    #[test]
    fn silence_is_ours_too() {
        let (ours, now) = told(Duration::ZERO, Duration::ZERO);
        assert_eq!(ours.told_by(Setting::DISARMED, now, clock::now()), Told::Ours { rung: Rung::Times(0) });
        assert_eq!(ours.told_by(holds(SECOND), now, clock::now()), Told::Foreign);
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
