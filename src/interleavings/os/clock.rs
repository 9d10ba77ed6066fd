//! The simulated clock. A read does not flush the thread's buffered stores.

use std::io;
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

pub(crate) fn from_instant(_: Instant) -> Time {
    unreachable!("no scenario uses instants")
}

pub(crate) fn to_instant(_: Time) -> Option<Instant> {
    unreachable!("no scenario uses instants")
}

pub(crate) fn until(time: Time) -> Duration {
    time.since(now())
}
