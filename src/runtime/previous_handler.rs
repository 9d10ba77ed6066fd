//! The previous handler: what a signal had before the library's handler was installed, and what is forwarded to it.
//!
//! The handler may run on any thread, also a moment after the last alarm is gone. So each distinct disposition of a program
//! is kept for good; a program has one or two.

use std::ptr;
use std::time::Duration;

use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering, spin_loop};
use crate::os::clock;
use crate::os::disposition::{Disposition, Kind};
use crate::os::handler::{Arrival, InPlace};
use crate::os::published::Published;
use crate::os::thread::Handle;

/// Where the signals of one number are forwarded to.
pub(super) struct PreviousHandler {
    previous: Published<Disposition>,
    /// What `previous` was when another handler was installed over the library's. That handler has found the library's in
    /// place and may forward to it; what it forwards goes here.
    beneath: Published<Disposition>,
    /// The handler that was last found installed over the library's.
    over: Published<Disposition>,
    /// How often the first two have changed.
    version: AtomicUsize,
    /// The thread that is installing the library's handler; zero if none is. What is published may not be what was replaced.
    changing: AtomicUsize,
    /// The library has put the previous disposition back, and has not installed its handler since.
    is_restored: AtomicBool,
}

/// While this lives, the calling thread is installing the library's handler.
pub(super) struct Change<'a>(&'a PreviousHandler);

impl Drop for Change<'_> {
    fn drop(&mut self) {
        // In this order: see `forward`.
        self.0.version.fetch_add(1, Ordering::SeqCst);
        self.0.is_restored.store(false, Ordering::SeqCst);
        self.0.changing.store(0, Ordering::SeqCst);
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

    /// Waits, for a moment at most, until no other thread is installing the library's handler. Async-signal-safe.
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

    /// The library's handler is about to be installed over `found`, or has been.
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

    /// The previous disposition is about to be put back.
    pub(super) fn begin_restore(&self) {
        self.is_restored.store(true, Ordering::SeqCst);
    }

    /// The previous disposition is back in place. Should it call the library's handler, that stands for what is beneath.
    pub(super) fn put_back(&self) {
        if let Some(beneath) = self.beneath.get() {
            self.previous.exchange(Some(beneath));
            self.beneath.exchange(None);
            self.version.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Another handler was found installed over the library's, and stays there.
    pub(super) fn stay_under(&self, over: &'static Disposition) {
        if over.kind() == Kind::Function {
            self.over.exchange(Some(over));
        }
    }

    /// Forwards a signal to the previous handler. Says whether that was the default action. Async-signal-safe.
    ///
    /// The default action is taken only if `may_be_default`, and only if no other handler is over the library's, which would
    /// have had the signal: the library's handler is in place, or it was removed while this handler was about to run.
    pub(super) fn forward(&self, arrival: &Arrival, may_be_default: bool) -> bool {
        loop {
            self.await_change();
            let version = self.version.load(Ordering::SeqCst);
            let Some(previous) = self.previous.get() else { return false };
            if previous.kind() == Kind::Default {
                // The race: other threads install the library's handler in front of another and remove it, between any two
                // of these lines. 1. The version has changed: it is looked at again. 2. It has not: what was read held at
                // one moment.
                let is_due = may_be_default
                    && match arrival.in_place() {
                        InPlace::Ours => true,
                        InPlace::Default => {
                            self.is_restored.load(Ordering::SeqCst) && arrival.is_from_kernel()
                        }
                        InPlace::Other => false,
                    };
                if self.version.load(Ordering::SeqCst) != version {
                    continue;
                }
                if is_due {
                    arrival.take_default_action();
                }
                return is_due;
            }
            // The previous handler is in place again, over the library's, and has forwarded the signal: it goes beneath.
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

    /// Forwards a signal that the previous handler has forwarded back to the library's. A default action there is not taken,
    /// and the signal goes round once. Async-signal-safe.
    pub(super) fn forward_back(&self, arrival: &Arrival) {
        if arrival.times_forwarded_back() > 1 {
            return;
        }
        // The race: another thread puts the previous disposition back in the meantime. Then what was beneath is the previous one.
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

/// Whether the disposition that was read from `place` may be called. One with SA_RESETHAND may be once, and the default action
/// takes its place before its function runs, as the kernel has it. Async-signal-safe.
fn is_due(place: &Published<Disposition>, disposition: &'static Disposition) -> bool {
    static DEFAULT: Disposition = Disposition::DEFAULT;
    !disposition.is_for_once() || place.replace(disposition, &DEFAULT)
}

/// Keeps a disposition for good, so that a handler may read it at any time; each distinct one is kept once.
pub(super) fn keep(kept: &mut Vec<&'static Disposition>, disposition: &Disposition) -> &'static Disposition {
    match kept.iter().find(|known| known.same_as(disposition)) {
        Some(known) => known,
        None => {
            let known: &'static Disposition = Box::leak(Box::new(*disposition));
            kept.push(known);
            known
        }
    }
}
