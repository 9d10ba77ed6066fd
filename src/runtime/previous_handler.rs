//! The previous handler of a signal, and how the library's handler forwards signals to it.
//!
//! A thread may still run the library's handler after the drop of the last alarm, so the dispositions that the handler reads are
//! never freed.

use std::ptr;
use std::time::Duration;

use super::shared::SHARED;
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering, spin_loop};
use crate::os::clock;
use crate::os::disposition::{Disposition, Kind};
use crate::os::handler::Arrival;
use crate::os::published::Published;
use crate::os::thread;

pub(super) struct PreviousHandler {
    previous: Published<Disposition>,
    /// The disposition beneath the previous handler, if that handler was once installed over the library's. The previous handler
    /// may then call the library's handler, which forwards the signal to this disposition.
    beneath: Published<Disposition>,
    /// The handler that the library last found installed over its own.
    over: Published<Disposition>,
    version: AtomicUsize,
    /// The thread that is installing the library's handler; zero if none is. During the installation, `previous` may not yet be
    /// the disposition that the library's handler replaces.
    changing: AtomicUsize,
    is_restored: AtomicBool,
}

pub(super) fn previous_of(signal: i32) -> &'static PreviousHandler {
    &SHARED.previous[signal as usize]
}

pub(super) struct Change<'a>(&'a PreviousHandler);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // `version` is changed before the stores below, and `forward` reads it last. So if `forward` has read either new value,
        // it also reads a new version, and starts again.
        self.0.version.fetch_add(1, Ordering::SeqCst);
        self.0.is_restored.store(false, Ordering::Release);
        self.0.changing.store(0, Ordering::Release);
    }
}

impl PreviousHandler {
    pub(super) const fn unknown() -> PreviousHandler {
        PreviousHandler {
            previous: Published::nothing(),
            beneath: Published::nothing(),
            over: Published::nothing(),
            version: AtomicUsize::new(0),
            changing: AtomicUsize::new(0),
            is_restored: AtomicBool::new(false),
        }
    }

    pub(super) fn begin_change(&self) -> Change<'_> {
        self.changing.store(thread::handle(), Ordering::SeqCst);
        Change(self)
    }

    /// Waits up to a millisecond until no other thread is installing the library's handler. Async-signal-safe.
    fn await_change(&self) {
        const AT_MOST: Duration = Duration::from_millis(1);
        let this = thread::handle();
        let is_changing = || ![0, this].contains(&self.changing.load(Ordering::SeqCst));
        if is_changing() {
            let end = clock::now().after(AT_MOST);
            while is_changing() && clock::now() < end {
                spin_loop();
            }
        }
    }

    pub(super) fn get(&self) -> Option<&'static Disposition> {
        self.previous.get()
    }

    pub(super) fn is_ignored(&self) -> bool {
        self.previous.get().is_some_and(|previous| previous.kind() == Kind::Ignore)
    }

    /// Publishes `found`, the disposition that the library's handler replaces or is about to replace.
    pub(super) fn announce(&self, found: &'static Disposition) {
        let known = self.previous.get();
        if known.is_some_and(|known| ptr::eq(known, found)) {
            return;
        }
        let beneath = known.filter(|_| self.over.get().is_some_and(|over| ptr::eq(over, found)));
        self.beneath.exchange(beneath);
        self.previous.exchange(Some(found));
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn begin_restore(&self) {
        self.is_restored.store(true, Ordering::SeqCst);
    }

    /// Makes `beneath` the previous disposition, after the library has restored the handler in `previous`. If that handler still
    /// calls the library's, the library's forwards the signal to the disposition that was beneath.
    pub(super) fn make_beneath_previous(&self) {
        if let Some(beneath) = self.beneath.get() {
            self.previous.exchange(Some(beneath));
            self.beneath.exchange(None);
            self.version.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn stay_under(&self, over: &'static Disposition) {
        if over.kind() == Kind::Function {
            self.over.exchange(Some(over));
        }
    }

    /// Forwards a signal to the previous handler. Returns whether the signal took the default action. Async-signal-safe.
    ///
    /// The signal takes the default action only if `may_be_default`, and only if no handler over the library's can have received
    /// the signal first. No such handler can if the library's handler is installed, or if the library removed its own handler
    /// after the kernel had chosen it for this signal.
    pub(super) fn forward(&self, arrival: &Arrival, may_be_default: bool) -> bool {
        loop {
            self.await_change();
            let version = self.version.load(Ordering::SeqCst);
            let Some(previous) = self.previous.get() else { return false };
            if previous.kind() == Kind::Default {
                // The race: another thread may install or remove the library's handler between any two reads.
                // 1. The version has changed: the loop reads everything again.
                // 2. The version has not changed: all values were valid at the same moment.
                let is_restored = || self.is_restored.load(Ordering::SeqCst) && arrival.is_from_kernel();
                let is_due = may_be_default
                    && arrival.in_place().is_some_and(|current| {
                        current.is_ours() || (current.kind() == Kind::Default && is_restored())
                    });
                if self.version.load(Ordering::SeqCst) != version {
                    continue;
                }
                if is_due {
                    arrival.take_default_action();
                }
                return is_due;
            }
            // If the previous handler is installed, it has called the library's. So the signal goes on to the one beneath.
            let (place, receiver) = match self.beneath.get() {
                Some(beneath) if arrival.is_in_place(previous) => (&self.beneath, beneath),
                _ => (&self.previous, previous),
            };
            if may_be_called(place, receiver) {
                arrival.deliver_to(receiver);
                return false;
            }
        }
    }

    /// Forwards a signal for which the previous handler has called the library's handler again. The signal is forwarded only
    /// once, because the two handlers could otherwise call each other for ever. It takes no default action. Async-signal-safe.
    pub(super) fn forward_back(&self, arrival: &Arrival) {
        if arrival.unfinished_deliveries() > 1 {
            return;
        }
        let is_new = |it: &&Disposition| self.over.get().is_some_and(|over| !ptr::eq(*it, over));
        // The race: another thread may restore the previous handler while that handler runs. `make_beneath_previous` then moves
        // `beneath` to `previous`, where this function finds it.
        let (place, found) = match self.beneath.get() {
            Some(beneath) => (&self.beneath, Some(beneath)),
            None => (&self.previous, self.previous.get().filter(is_new)),
        };
        if let Some(beneath) = found.filter(|found| may_be_called(place, found)) {
            arrival.deliver_to(beneath);
        }
    }
}

/// Returns whether the disposition that was read from `place` may be called. If it has SA_RESETHAND, it may be called only once,
/// so this function replaces it by the default action, as the kernel does. Async-signal-safe.
fn may_be_called(place: &Published<Disposition>, disposition: &'static Disposition) -> bool {
    static DEFAULT: Disposition = Disposition::DEFAULT;
    !disposition.is_for_once() || place.replace(disposition, &DEFAULT)
}
