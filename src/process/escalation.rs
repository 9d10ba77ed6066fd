//! The parent sends SIGTERM one grace (`Builder::grace`) after a job's limit, and SIGKILL one grace after SIGTERM.

use std::mem;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::time::Time;

pub(super) fn kill_timer(limit: Duration, grace: Duration) -> Option<Duration> {
    limit.checked_add(grace.checked_mul(2)?)?.checked_add(Duration::from_secs(1))
}

#[derive(Debug)]
pub(super) struct Escalation {
    deadline: Time,
    grace: Duration,
    pub(super) next: Time,
    pub(super) begun: bool,
    pub(super) has_received: bool,
    postponed: bool,
}

impl Escalation {
    pub(super) fn new(deadline: Time, grace: Duration) -> Escalation {
        Escalation {
            deadline,
            grace,
            next: deadline.after(grace),
            begun: false,
            has_received: false,
            postponed: false,
        }
    }

    /// If the wait began after the limit and bytes arrive, delays SIGTERM once, to one grace from now, because a full
    /// pipe may have blocked the child before the wait.
    pub(super) fn postpone(&mut self, wait_began: Time, now: Time) {
        let has_received = mem::take(&mut self.has_received);
        if has_received && !self.begun && !self.postponed && wait_began >= self.deadline {
            self.postponed = true;
            self.next = now.after(self.grace);
        }
    }

    pub(super) fn take(&mut self, now: Time) -> Option<Signal> {
        if now < self.next {
            return None;
        }
        let is_first = !mem::replace(&mut self.begun, true);
        self.next = if is_first { now.after(self.grace) } else { Time::NEVER };
        Some(if is_first { Signal::SIGTERM } else { Signal::SIGKILL })
    }
}
