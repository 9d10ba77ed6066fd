//! The data that the handler reads and writes, on few cache lines, because cache misses are most of the delay between a deadline
//! and the check that notices it.

use super::deadline_actions::DeadlineAction;
use super::previous_handler::PreviousHandler;
use super::record::Record;
use super::registry::Registry;
use super::ring_signals::SIGNALS;
use super::timer::expiries::Expiries;
use crate::os::atomic::{AtomicBool, AtomicUsize};
use crate::os::flag::{Flag, OwnFlag};

#[repr(align(128))]
pub(super) struct Shared {
    pub(super) flag: OwnFlag,
    pub(super) expiries: Expiries,
    pub(super) tickers: Registry<Flag>,
    pub(super) actions: Registry<DeadlineAction>,
    pub(super) threads: Registry<Record>,
    /// A record in `threads` may have `has_expired` set.
    pub(super) any_expired: AtomicBool,
    /// The schedule has alarms. `next_here` reads this without the lock: after a fork, taking the lock would make the kernel copy
    /// its page.
    pub(super) any_alarm: AtomicBool,
    /// Handlers must not set timers.
    pub(super) is_suspended: AtomicBool,
    /// On how many threads the library has unblocked SIGALRM.
    pub(super) unblocked_threads: AtomicUsize,
    pub(super) blocked: AtomicUsize,
    pub(super) waking_handlers: AtomicUsize,
    pub(super) must_reinstall: AtomicBool,
    pub(super) previous: [PreviousHandler; SIGNALS],
}

pub(super) static SHARED: Shared = Shared {
    flag: OwnFlag::without_a_bit(),
    expiries: Expiries::new(),
    tickers: Registry::new(),
    actions: Registry::new(),
    threads: Registry::new(),
    any_expired: AtomicBool::new(false),
    any_alarm: AtomicBool::new(false),
    is_suspended: AtomicBool::new(false),
    unblocked_threads: AtomicUsize::new(0),
    blocked: AtomicUsize::new(0),
    waking_handlers: AtomicUsize::new(0),
    must_reinstall: AtomicBool::new(false),
    previous: [const { PreviousHandler::unknown() }; SIGNALS],
};
