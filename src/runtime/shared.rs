//! The data that the handler reads and writes, on few cache lines. Other work evicts these lines within milliseconds. The cache
//! misses are then most of the time from the deadline to the check that notices it.

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
    /// A record in `threads` may have `has_expired` set.
    pub(super) any_expired: AtomicBool,
    /// The schedule has alarms. Read without the lock, because a parent that takes it beside a forked child copies a page.
    pub(super) any_alarm: AtomicBool,
    pub(super) is_suspended: AtomicBool,
    /// On how many threads the library has unblocked SIGALRM.
    pub(super) opened: AtomicUsize,
    /// How many threads are in a wait.
    pub(super) blocked: AtomicUsize,
    /// How many handlers are reading the timers of blocked threads.
    pub(super) walkers: AtomicUsize,
    /// The handler must be installed again, because the process has survived a default action.
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
    any_alarm: AtomicBool::new(false),
    is_suspended: AtomicBool::new(false),
    opened: AtomicUsize::new(0),
    blocked: AtomicUsize::new(0),
    walkers: AtomicUsize::new(0),
    must_reinstall: AtomicBool::new(false),
    previous: [const { PreviousHandler::unknown() }; SIGNALS],
};
