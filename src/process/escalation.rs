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
