//! Escalation: limit, SIGTERM one grace later, SIGKILL one grace after that. A late step moves the next one.

use std::time::Duration;

use crate::time::Time;

/// Returns when the child's own timer kills it: a second after the parent's SIGKILL.
pub(super) fn kill_timer(limit: Duration, grace: Duration) -> Option<Duration> {
    const MARGIN: Duration = Duration::from_secs(1);
    limit.checked_add(grace.checked_mul(2)?)?.checked_add(MARGIN)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Terminate,
    Kill,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Escalation {
    deadline: Time,
    grace: Duration,
    next: Option<(Time, Step)>,
    begun: bool,
    postponed: bool,
}

impl Escalation {
    pub(super) fn new(deadline: Time, grace: Duration) -> Escalation {
        let next = Some((deadline.after(grace), Step::Terminate));
        Escalation { deadline, grace, next, begun: false, postponed: false }
    }

    pub(super) fn next(&self) -> Time {
        self.next.map_or(Time::NEVER, |(at, _)| at)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Delays the first step to one grace from now, if a thread that began to wait after the deadline receives bytes.
    /// Once only: a child may send without end.
    pub(super) fn postpone(&mut self, wait_began: Time, now: Time) {
        if self.begun || self.postponed || wait_began < self.deadline {
            return;
        }
        self.postponed = true;
        self.next = self.next.map(|(_, step)| (now.after(self.grace), step));
    }

    pub(super) fn take(&mut self, now: Time) -> Option<Step> {
        let (at, step) = self.next?;
        if now < at {
            return None;
        }
        self.begun = true;
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
    fn postponed_once_and_for_late_waiters() {
        let mut escalation = Escalation::new(at(100), Duration::from_nanos(10));
        escalation.postpone(at(99), at(109));
        assert_eq!(escalation.next(), at(110), "in time");
        let mut just_before = escalation;
        just_before.postpone(at(109), at(109));
        assert_eq!(just_before.next(), at(119), "before the step, and after the deadline");
        escalation.postpone(at(110), at(115));
        assert_eq!((escalation.next(), escalation.take(at(124))), (at(125), None));
        escalation.postpone(at(130), at(130));
        assert_eq!(escalation.take(at(130)), Some(Step::Terminate), "once");
        escalation.postpone(at(140), at(140));
        assert_eq!(escalation.take(at(140)), Some(Step::Kill), "never the second");

        let mut unlimited = Escalation::new(Time::NEVER, Duration::from_nanos(10));
        unlimited.postpone(at(100), at(100));
        assert_eq!(unlimited.next(), Time::NEVER);
    }
}
