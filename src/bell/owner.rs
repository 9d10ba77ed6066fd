//! Whose SIGALRM it was before us, for the handler to find.
//!
//! A signal that is not for us goes to the disposition that our handler stands in front of. The handler may
//! run on any thread, also a moment after the last guard is gone, so what it reads is never freed: each
//! distinct disposition of a program is kept once, for good. A program has one or two.

use std::cell::Cell;
use std::io;

use crate::os::atomic::{AtomicBool, Ordering};
use crate::os::disposition::Disposition;
use crate::os::handler::Arrival;
use crate::os::local::thread_local;
use crate::os::published::Published;
use crate::os::{mask, pending};

/// The owner; nothing while our handler is being put in place and the owner is not known yet.
static OWNER: Published<Disposition> = Published::nothing();

/// A signal for the owner came while `OWNER` was empty.
static MISSED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether SIGALRM is let in on this thread by us, while the program has it blocked. Constant and without a
    /// destructor, so that the handler may look at it.
    static OPENED: Cell<bool> = const { Cell::new(false) };
}

/// A signal for the owner came to such a thread.
static KEPT: AtomicBool = AtomicBool::new(false);

/// A signal for the owner was sent again. It may be merged with a ring of ours that waits already, so the next
/// SIGALRM that comes, whoever sent it, is the owner's.
static OWED: AtomicBool = AtomicBool::new(false);

/// A disposition that the handler may read at any time from now on. Each distinct one is kept once.
pub(super) fn kept_for_good(
    kept: &mut Vec<&'static Disposition>,
    disposition: &Disposition,
) -> &'static Disposition {
    match kept.iter().find(|known| known.same_as(disposition)) {
        Some(known) => known,
        None => {
            let known: &'static Disposition = Box::leak(Box::new(*disposition));
            kept.push(known);
            known
        }
    }
}

/// Hands a signal on to its owner. Async-signal-safe.
pub(super) fn pass_on(arrival: &Arrival) {
    // A thread that had blocked SIGALRM is not prepared for it now: the signal is kept, as the kernel would have kept
    // it, until the thread's own mask is back.
    if OPENED.with(Cell::get) {
        KEPT.store(true, Ordering::SeqCst);
        return;
    }
    if let Some(owner) = OWNER.get() {
        return deliver(arrival, owner);
    }
    // The owner may become known between the lines above and below. All of it being sequentially consistent,
    // either we see it now or `announce` sees our note; and of two who see it the swap lets one act.
    MISSED.store(true, Ordering::SeqCst);
    if let Some(owner) = OWNER.get() {
        if take(&MISSED) {
            deliver(arrival, owner);
        }
    }
}

/// Takes a note away; says whether there was one, and of several who ask at once says so to one. Looked at first, for
/// there hardly ever is one, and a swap costs as much as a lock.
fn take(note: &AtomicBool) -> bool {
    note.load(Ordering::SeqCst) && note.swap(false, Ordering::SeqCst)
}

fn deliver(arrival: &Arrival, owner: &'static Disposition) {
    if is_owners_turn(&OWNER, owner) {
        arrival.deliver_to(owner);
    } else {
        pass_on(arrival);
    }
}

/// Whether the owner that was read from `place` may be called: one that was installed for one signal only is, once, and has
/// had it before its function runs, as the kernel has it. Then the default action is in its place. Async-signal-safe.
pub(super) fn is_owners_turn(place: &Published<Disposition>, owner: &'static Disposition) -> bool {
    static DEFAULT: Disposition = Disposition::DEFAULT;
    !owner.is_for_once() || place.replace(owner, &DEFAULT)
}

/// Who owns SIGALRM, as far as is known.
pub(super) fn known() -> Option<&'static Disposition> {
    OWNER.get()
}

/// Our handler is about to be put in place, and the owner will be known only afterwards. Hands back the one
/// that was known.
pub(super) fn forget() -> Option<&'static Disposition> {
    // What was sent while our handler was away has gone to the owner directly.
    take(&OWED);
    OWNER.exchange(None)
}

/// The owner is known; what came for it in the meantime is sent again.
pub(super) fn announce(owner: Option<&'static Disposition>) {
    OWNER.exchange(owner);
    if take(&MISSED) {
        send_again();
    }
}

/// Sends a signal for the owner again.
///
/// With SIGALRM shut out for the moment, so that no ring comes between the note and the signal, takes the note, and
/// leaves the signal to be delivered a second time. (One that another thread takes just then still can.)
fn send_again() {
    let blocked = mask::block_alarm();
    OWED.store(true, Ordering::SeqCst);
    pending::resend();
    if matches!(blocked, Ok(false)) {
        let _ = mask::unblock_alarm(); // As it was before.
    }
}

/// Whether the SIGALRM that has come is, or stands for as well, one that was sent again. Async-signal-safe.
pub(super) fn take_owed() -> bool {
    take(&OWED)
}

/// Keeps a signal for the owner until [`send_kept`].
pub(super) fn keep() {
    KEPT.store(true, Ordering::SeqCst);
}

/// Sends what was kept for the owner, unless this thread has it kept.
///
/// By `kill`, so that it is what it was: a signal to the process, which stays pending if all block it.
pub(super) fn send_kept() {
    if !OPENED.with(Cell::get) && take(&KEPT) {
        send_again();
    }
}

/// Lets SIGALRM in on this thread; says whether the thread had blocked it and wants a [`close`].
pub(super) fn open() -> io::Result<bool> {
    // Said first: a signal that waits behind the mask comes in before the call below returns.
    OPENED.with(|opened| opened.set(true));
    let blocked = mask::unblock_alarm();
    if !matches!(blocked, Ok(true)) {
        closed();
    }
    blocked
}

/// Keeps SIGALRM out of this thread again. Signals for the owner are still kept: [`closed`] ends that.
pub(super) fn close() -> io::Result<()> {
    mask::block_alarm().map(drop)
}

/// Everything is put back behind [`close`].
pub(super) fn closed() {
    OPENED.with(|opened| opened.set(false));
    send_kept();
}

/// Starts anew in a forked child, which has one thread and inherits no pending signal.
pub(super) fn start_again() {
    OPENED.with(|opened| opened.set(false));
    KEPT.store(false, Ordering::SeqCst);
    MISSED.store(false, Ordering::SeqCst);
    OWED.store(false, Ordering::SeqCst);
}
