//! What there is to tell of an alarm that has expired.

use std::panic::Location;

use crate::error::{Cause, Expiry, TimedOut};
use crate::os::clock;
use crate::schedule::Entry;
use crate::time::Time;

/// What to tell of an alarm that has expired.
pub(super) fn timed_out(entry: &Entry, now: Time, location: &'static Location<'static>) -> Option<TimedOut> {
    let cause = entry.expired?;
    let (limit, elapsed) = match entry.cpu().filter(|_| cause == Cause::Cpu) {
        // In the time that was limited.
        Some(cpu) => (Some(cpu.limit), clock::cpu_now(cpu.clock).map_or(cpu.limit, |t| t.since(cpu.since))),
        None => (entry.limit, now.since(entry.since)),
    };
    // One that its budget of checks has expired as if by its deadline had none until then.
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
