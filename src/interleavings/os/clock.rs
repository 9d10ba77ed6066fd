//! The simulated clock. A read does not flush stores.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::machine::{machine, step};
use crate::time::{CpuClock, Time};

pub(crate) fn now() -> Time {
    step();
    Time::from_nanos(machine().reading())
}

pub(crate) const PROCESS_CPU: CpuClock = CpuClock(0);

pub(crate) fn thread_cpu() -> io::Result<CpuClock> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn cpu_now(_: CpuClock) -> Option<Time> {
    None
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

pub(crate) fn from_instant(instant: Instant) -> Time {
    Time::from_nanos(0).after(instant.saturating_duration_since(origin()))
}

pub(crate) fn to_instant(time: Time) -> Option<Instant> {
    origin().checked_add(time.since(Time::from_nanos(0)))
}

pub(crate) fn until(time: Time) -> Duration {
    time.since(now())
}
