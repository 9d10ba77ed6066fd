//! Counters shared by all processes.

// Shared memory needs a system call.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use nix::libc;

const LONGEST: usize = 16_384;

#[repr(C)]
pub struct Tally {
    pub processes: Count,
    pub operations: Count,
    pub alarms: Count,
    pub time_outs: Count,
    /// SIGALRMs sent by `kill` and `tgkill`.
    pub sent: Count,
    /// Signals that the program's handler received, with those of its own timer.
    pub handled: Count,
    /// Expiries of the program's timer that were required and came.
    pub foreign: Count,
    pub forks: Count,
    pub threads: Count,
    /// Failures that did not repeat with the same sequence.
    pub unrepeated: Count,
    /// The longest time from a deadline to the check that erred, in nanoseconds.
    pub latest: Count,
    pub at: Count,
    why: [AtomicU8; LONGEST],
}

pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    pub fn at_least(&self, n: u64) {
        self.0.fetch_max(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub fn is_empty(&self) -> bool {
        [&self.operations, &self.alarms, &self.forks].iter().all(|count| count.get() == 0)
    }

    /// Allocates zeroed memory that forked processes share.
    pub fn new() -> &'static Tally {
        unsafe {
            let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
            let memory = libc::mmap(ptr::null_mut(), size_of::<Tally>(), access, kind, -1, 0);
            assert_ne!(memory, libc::MAP_FAILED);
            // Zero bytes are valid for every field, and the memory is never unmapped.
            &*memory.cast::<Tally>()
        }
    }

    /// Adds another's counters.
    pub fn absorb(&self, other: &Tally) {
        let pairs = [
            (&self.processes, &other.processes),
            (&self.operations, &other.operations),
            (&self.alarms, &other.alarms),
            (&self.time_outs, &other.time_outs),
            (&self.sent, &other.sent),
            (&self.handled, &other.handled),
            (&self.foreign, &other.foreign),
            (&self.forks, &other.forks),
            (&self.threads, &other.threads),
            (&self.unrepeated, &other.unrepeated),
        ];
        pairs.iter().for_each(|(own, other_count)| own.add(other_count.get()));
        self.latest.at_least(other.latest.get());
    }

    pub fn complain(&self, why: &str) {
        let end = [0];
        for (to, from) in self.why.iter().zip(why.bytes().take(LONGEST - 1).chain(end)) {
            to.store(from, Ordering::Relaxed);
        }
    }

    pub fn complaint(&self) -> String {
        let bytes: Vec<u8> =
            self.why.iter().map(|byte| byte.load(Ordering::Relaxed)).take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("processes", &self.processes),
            ("operations", &self.operations),
            ("alarms armed", &self.alarms),
            ("time-outs", &self.time_outs),
            ("SIGALRMs sent", &self.sent),
            ("SIGALRMs that reached the program's handler", &self.handled),
            ("foreign timers awaited", &self.foreign),
            ("forks", &self.forks),
            ("threads", &self.threads),
            ("failures that did not come again", &self.unrepeated),
        ];
        for (name, count) in rows {
            writeln!(f, "{name:<34}{:>14}", count.get())?;
        }
        write!(f, "{:<34}{:>14?}", "latest notice", Duration::from_nanos(self.latest.get()))
    }
}
