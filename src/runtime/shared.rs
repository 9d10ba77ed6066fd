//! The data that the handler reads and writes, on few cache lines. After milliseconds of other work each line is a cache miss,
//! and the misses are most of the time from the deadline to the check that notices it.

use super::deadline_timer::DeadlineTimer;
use super::previous_handler::PreviousHandler;
use super::record::Record;
use super::registry::Registry;
use super::ring_signals::SIGNALS;
use super::timer::expiries::Expiries;
use crate::os::atomic::{AtomicBool, AtomicUsize};
use crate::os::flag::{Flag, OwnBit};

#[repr(align(128))]
pub(super) struct Shared {
    pub(super) bit: OwnBit,
    pub(super) expiries: Expiries,
    pub(super) tickers: Registry<Flag>,
    pub(super) deadlines: Registry<DeadlineTimer>,
    pub(super) threads: Registry<Record>,
    /// A thread's timer has expired, as its record says.
    pub(super) any_expired: AtomicBool,
    /// The alarms are suspended: the kernel's deadline timers are not set.
    pub(super) is_suspended: AtomicBool,
    /// On how many threads the library has unblocked SIGALRM.
    pub(super) opened: AtomicUsize,
    /// How many threads are blocked in system calls that a signal is to end.
    pub(super) blocked: AtomicUsize,
    /// How many handlers are walking the blocked threads.
    pub(super) walkers: AtomicUsize,
    /// The handler took the default action and the process has survived it.
    pub(super) must_reinstall: AtomicBool,
    pub(super) previous: [PreviousHandler; SIGNALS],
}

pub(super) static SHARED: Shared = Shared {
    bit: OwnBit::none(),
    expiries: Expiries::new(),
    tickers: Registry::new(),
    deadlines: Registry::new(),
    threads: Registry::new(),
    any_expired: AtomicBool::new(false),
    is_suspended: AtomicBool::new(false),
    opened: AtomicUsize::new(0),
    blocked: AtomicUsize::new(0),
    walkers: AtomicUsize::new(0),
    must_reinstall: AtomicBool::new(false),
    previous: [const { PreviousHandler::unknown() }; SIGNALS],
};
