//! The previous handler of a signal, and how the library's handler forwards signals to it.
//!
//! A thread may still run the library's handler after the last drop, so the dispositions that the handler reads are never freed.

use std::ptr;
use std::time::Duration;

use super::shared::SHARED;
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering, spin_loop};
use crate::os::clock;
use crate::os::disposition::{Disposition, Kind};
use crate::os::handler::Arrival;
use crate::os::published::Published;
use crate::os::thread::Handle;

pub(super) struct PreviousHandler {
    previous: Published<Disposition>,
    /// The disposition beneath the previous handler, if that handler had once been installed over the library's. When that
    /// handler calls the library's, the signal is forwarded to this disposition.
    beneath: Published<Disposition>,
    /// The handler that the library last found installed over its own.
    over: Published<Disposition>,
    /// How often `previous` and `beneath` have changed.
    version: AtomicUsize,
    /// The thread that is installing the library's handler; zero if none is. During the installation `previous` may be outdated.
    changing: AtomicUsize,
    /// The library has restored the previous disposition, and has not installed its handler since.
    is_restored: AtomicBool,
}

pub(super) fn previous_of(signal: i32) -> &'static PreviousHandler {
    &SHARED.previous[signal as usize]
}

pub(super) struct Change<'a>(&'a PreviousHandler);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // `version` is changed first here and read last in `forward`. So `forward` notices if a store below came between its
        // reads.
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
        self.changing.store(Handle::current().0, Ordering::SeqCst);
        Change(self)
    }

    /// Waits up to a millisecond until no other thread is installing the library's handler. Async-signal-safe.
    fn await_change(&self) {
        const AT_MOST: Duration = Duration::from_millis(1);
        let this = Handle::current().0;
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

    /// Publishes `found` as the disposition over which the library's handler is, or will be, installed.
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

    /// Moves `beneath` to `previous`, which the library has restored. If the restored handler still calls the library's, the
    /// signal is forwarded to the moved disposition.
    pub(super) fn put_back(&self) {
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
    /// The default action is taken only if `may_be_default`, and only if no handler over the library's may have received the
    /// signal. In that case the library's handler is in place, or the library removed it after the kernel chose it for this
    /// signal.
    pub(super) fn forward(&self, arrival: &Arrival, may_be_default: bool) -> bool {
        loop {
            self.await_change();
            let version = self.version.load(Ordering::SeqCst);
            let Some(previous) = self.previous.get() else { return false };
            if previous.kind() == Kind::Default {
                // The race: another thread may install or remove the library's handler between any two reads.
                // 1. The version has changed: the loop reads everything again.
                // 2. The version has not changed: all values that were read belong to one moment.
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
            // If the previous handler is in place, it has received the signal first and called the library's, so the disposition
            // beneath is next.
            let (place, receiver) = match self.beneath.get() {
                Some(beneath) if arrival.is_in_place(previous) => (&self.beneath, beneath),
                _ => (&self.previous, previous),
            };
            if is_due(place, receiver) {
                arrival.deliver_to(receiver);
                return false;
            }
        }
    }

    /// Forwards a signal that the previous handler has forwarded back to the library's. Does so only once, because the two
    /// handlers could otherwise call each other for ever. Takes no default action. Async-signal-safe.
    pub(super) fn forward_back(&self, arrival: &Arrival) {
        if arrival.times_forwarded_back() > 1 {
            return;
        }
        // The race: if another thread has restored the previous handler meanwhile, `put_back` has moved `beneath` to `previous`.
        let is_put_back = |it: &&Disposition| self.over.get().is_some_and(|over| !ptr::eq(*it, over));
        let (place, found) = match self.beneath.get() {
            Some(beneath) => (&self.beneath, Some(beneath)),
            None => (&self.previous, self.previous.get().filter(is_put_back)),
        };
        if let Some(beneath) = found.filter(|found| is_due(place, found)) {
            arrival.deliver_to(beneath);
        }
    }
}

/// Returns whether the disposition that was read from `place` may be called. One with SA_RESETHAND may be called once, so this
/// function replaces it by the default action, as the kernel does. Async-signal-safe.
fn is_due(place: &Published<Disposition>, disposition: &'static Disposition) -> bool {
    static DEFAULT: Disposition = Disposition::DEFAULT;
    !disposition.is_for_once() || place.replace(disposition, &DEFAULT)
}
