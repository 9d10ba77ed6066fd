//! What there is to tell of an alarm that has expired.

use std::panic::Location;

use crate::error::{Cause, Expiry, TimedOut};
use crate::os::clock;
use crate::schedule::Entry;
use crate::time::{CpuClock, Time};

/// A moment by the clock that an alarm lives by.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Time,
    pub(super) rehearsed: bool,
}

impl Moment {
    /// What a processor's clock shows; in a rehearsal it goes with the other.
    pub(super) fn cpu(self, clock: CpuClock) -> Option<Time> {
        if self.rehearsed { Some(self.now) } else { clock::cpu_now(clock) }
    }
}

/// What to tell of an alarm that has expired.
pub(super) fn timed_out(
    entry: &Entry,
    moment: Moment,
    location: &'static Location<'static>,
) -> Option<TimedOut> {
    let cause = entry.expired?;
    let (limit, elapsed) = match entry.cpu().filter(|_| cause == Cause::Cpu) {
        // In the time that was limited.
        Some(cpu) => (Some(cpu.limit), moment.cpu(cpu.clock).map_or(cpu.limit, |t| t.since(cpu.since))),
        None => (entry.limit, moment.now.since(entry.since)),
    };
    // One that a script has expired had no deadline until then.
    let limit = limit.or_else(|| (cause == Cause::Deadline).then(|| entry.deadline.since(entry.since)));
    Some(TimedOut::new(Expiry {
        alarm: entry.id,
        label: entry.label.clone(),
        limit,
        elapsed,
        cause,
        location: location.into(),
    }))
}
