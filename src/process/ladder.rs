//! What is done to a job whose limit has passed, and when: pure data, no clock.
//!
//! At the limit the child's own alarm rings, and it is left a grace to end well; then it is asked by SIGTERM,
//! and left another; then it is killed. A rung that nobody was there to climb in time is climbed late, and the
//! grace counts from then. If nobody was there to take in the value either, the child has had to wait with it, and is
//! left a grace to hand it over.

use std::time::Duration;

use crate::time::Time;

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Terminate,
    Kill,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    deadline: Time,
    grace: Duration,
    next: Option<(Time, Step)>,
    climbed: bool,
    put_off: bool,
}

impl Ladder {
    pub(super) fn new(deadline: Time, grace: Duration) -> Ladder {
        let next = Some((deadline.after(grace), Step::Terminate));
        Ladder { deadline, grace, next, climbed: false, put_off: false }
    }

    /// When there is something to do; *never* if nothing is left.
    pub(super) fn next(&self) -> Time {
        self.next.map_or(Time::NEVER, |(at, _)| at)
    }

    /// Whether anything has been done to the job.
    pub(super) fn climbed(&self) -> bool {
        self.climbed
    }

    /// Gives the first step a whole grace from now, for a child that is just handing its value over to somebody who came
    /// when its time was up already. Once: one that hands over without end is not to escape.
    ///
    /// From the deadline on, and not from the step on: who came just before the step would leave the child next to nothing.
    pub(super) fn put_off(&mut self, came: Time, now: Time) {
        if self.climbed || self.put_off || came < self.deadline {
            return;
        }
        self.put_off = true;
        self.next = self.next.map(|(_, step)| (now.after(self.grace), step));
    }

    /// The step that is due, which the caller now takes.
    pub(super) fn climb(&mut self, now: Time) -> Option<Step> {
        let (at, step) = self.next?;
        if now < at {
            return None;
        }
        self.climbed = true;
        self.next = match step {
            Step::Terminate => Some((now.after(self.grace), Step::Kill)),
            Step::Kill => None,
        };
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    #[test]
    fn one_rung_after_the_other() {
        let mut ladder = Ladder::new(at(100), Duration::from_nanos(10));
        assert_eq!((ladder.next(), ladder.climb(at(109))), (at(110), None));
        assert!(!ladder.climbed());
        assert_eq!(ladder.climb(at(150)), Some(Step::Terminate));
        assert_eq!((ladder.next(), ladder.climb(at(159))), (at(160), None), "late, and the grace is kept");
        assert_eq!(ladder.climb(at(160)), Some(Step::Kill));
        assert_eq!((ladder.next(), ladder.climb(at(1_000))), (Time::NEVER, None));
    }

    #[test]
    fn put_off_once_and_for_those_who_come_late() {
        let mut ladder = Ladder::new(at(100), Duration::from_nanos(10));
        ladder.put_off(at(99), at(109));
        assert_eq!(ladder.next(), at(110), "there in time");
        let mut just_before = ladder;
        just_before.put_off(at(109), at(109));
        assert_eq!(just_before.next(), at(119), "before the step, and after the deadline");
        ladder.put_off(at(110), at(115));
        assert_eq!((ladder.next(), ladder.climb(at(124))), (at(125), None));
        ladder.put_off(at(130), at(130));
        assert_eq!(ladder.climb(at(130)), Some(Step::Terminate), "once");
        ladder.put_off(at(140), at(140));
        assert_eq!(ladder.climb(at(140)), Some(Step::Kill), "never the second");

        let mut unlimited = Ladder::new(Time::NEVER, Duration::from_nanos(10));
        unlimited.put_off(at(100), at(100));
        assert_eq!(unlimited.next(), Time::NEVER);
    }

    #[test]
    fn without_grace_both_at_once() {
        let mut ladder = Ladder::new(at(100), Duration::ZERO);
        assert_eq!(ladder.climb(at(100)), Some(Step::Terminate));
        assert_eq!(ladder.climb(at(100)), Some(Step::Kill));
    }

    #[test]
    fn without_limit_none() {
        let mut ladder = Ladder::new(Time::NEVER, Duration::from_secs(1));
        assert_eq!((ladder.next(), ladder.climb(at(u64::MAX - 1))), (Time::NEVER, None));
    }
}
