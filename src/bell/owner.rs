//! Whose SIGALRM it was before us, for the handler to find.
//!
//! A signal that is not for us goes to the disposition that our handler stands in front of. The handler may
//! run on any thread, also a moment after the last guard is gone, so what it reads is never freed: each
//! distinct disposition of a program is kept once, for good. A program has one or two.

use std::cell::Cell;
use std::io;
use std::ptr;

use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::os::disposition::{Disposition, Kind};
use crate::os::handler::Arrival;
use crate::os::local::thread_local;
use crate::os::published::Published;
use crate::os::{mask, pending};

/// To whom a signal goes that is not for us.
pub(super) struct Owners {
    /// The owner; nothing while our handler is being put in place and the owner is not known yet.
    first: Published<Disposition>,
    /// Whom our handler stood in front of when the owner's was installed over it. For that one has found ours in place, and
    /// may hand on to it what it gets: then it is theirs.
    beneath: Published<Disposition>,
    /// Whose handler was last seen over ours.
    over: Published<Disposition>,
    /// How many times the owner was put out of sight: while this stands still, and the owner, so does who is in whose place.
    held: AtomicUsize,
}

impl Owners {
    pub(super) const fn unknown() -> Owners {
        Owners {
            first: Published::nothing(),
            beneath: Published::nothing(),
            over: Published::nothing(),
            held: AtomicUsize::new(0),
        }
    }

    /// The owner, as far as it is known.
    pub(super) fn first(&self) -> Option<&'static Disposition> {
        self.first.get()
    }

    /// Our handler is about to be installed, and who is the owner will be known only afterwards. Hands back the one that was.
    fn hold(&self) -> Option<&'static Disposition> {
        let known = self.first.exchange(None);
        // Second: whoever has read the owner before this line, and after it looks who is in place, sees that it has changed.
        self.held.fetch_add(1, Ordering::SeqCst);
        known
    }

    /// Our handler is in place of `found`, and stood for `known` until then. Both are kept for good.
    pub(super) fn announce(&self, found: Option<&'static Disposition>, known: Option<&'static Disposition>) {
        if found.map(ptr::from_ref) != known.map(ptr::from_ref) {
            self.beneath.exchange(known.filter(|_| found.is_some_and(|found| self.has_left_under(found))));
        }
        self.first.exchange(found);
    }

    /// The owner is back in place; and ours, if it should be called through the owner's, stands for who is beneath.
    pub(super) fn put_back(&self) {
        // Looked at first, for there hardly ever is one, and an exchange costs as much as a lock.
        if let Some(beneath) = self.beneath.get() {
            self.first.exchange(Some(beneath));
            self.beneath.exchange(None);
        }
    }

    /// Somebody's disposition was found in the place of ours, and is left there. If it is a handler it may hand on to ours
    /// what it gets.
    pub(super) fn leave_under(&self, over: &'static Disposition) {
        if over.kind() == Kind::Function {
            self.over.exchange(Some(over));
        }
    }

    fn has_left_under(&self, over: &'static Disposition) -> bool {
        self.over.get().is_some_and(|known| ptr::eq(known, over))
    }

    /// Hands a signal that was handed back to ours on to who is beneath. A default action there is handed nothing, as by
    /// any handler; nor does it go round a second time. Async-signal-safe.
    pub(super) fn hand_down(&self, arrival: &Arrival) {
        if let Some(beneath) = self.beneath.get().filter(|_| arrival.handed_back() == 1) {
            if beneath.kind() == Kind::Function && is_owners_turn(&self.beneath, beneath) {
                arrival.deliver_to(beneath);
            }
        }
    }

    /// Hands a signal on to the owner; `false` if it has become another's meanwhile. Async-signal-safe.
    pub(super) fn hand_on(&self, arrival: &Arrival, owner: &'static Disposition) -> bool {
        if owner.kind() == Kind::Default {
            // Our handler may come to stand in front of somebody's between any two of these lines, and may step back again,
            // and then the process must not end by it. So who is in place is asked within one stay of one owner.
            let held = self.held.load(Ordering::SeqCst);
            let is_owner = || self.first.get().is_some_and(|now| ptr::eq(now, owner));
            if !is_owner() {
                return false;
            }
            let is_somebody_elses = arrival.is_somebody_elses();
            if !is_owner() || self.held.load(Ordering::SeqCst) != held {
                return false;
            }
            if is_somebody_elses {
                return true;
            }
        }
        let its_turn = is_owners_turn(&self.first, owner);
        if its_turn {
            arrival.deliver_to(owner);
        }
        its_turn
    }
}

static OWNERS: Owners = Owners::unknown();

/// A signal for the owner came while it was not known.
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

/// How many times that note was dropped because our handler came from away.
static CAME: AtomicUsize = AtomicUsize::new(0);

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
    // Again, if it has become another's meanwhile: another thread has put our handler in place anew.
    while !is_passed_on(arrival) {}
}

/// Whether it is handed on, or will be; `false` if its owner has become another meanwhile.
fn is_passed_on(arrival: &Arrival) -> bool {
    if let Some(owner) = OWNERS.first() {
        return OWNERS.hand_on(arrival, owner);
    }
    // The owner may become known between the lines above and below. All of it being sequentially consistent,
    // either we see it now or `announce` sees our note; and of two who see it the swap lets one act.
    MISSED.store(true, Ordering::SeqCst);
    match OWNERS.first() {
        Some(owner) if take(&MISSED) => OWNERS.hand_on(arrival, owner),
        _ => true,
    }
}

/// Takes a note away; says whether there was one, and of several who ask at once says so to one. Looked at first, for
/// there hardly ever is one, and a swap costs as much as a lock.
fn take(note: &AtomicBool) -> bool {
    note.load(Ordering::SeqCst) && note.swap(false, Ordering::SeqCst)
}

/// Hands a signal on that the owner's handler has handed back to ours. Async-signal-safe.
pub(super) fn hand_down(arrival: &Arrival) {
    OWNERS.hand_down(arrival);
}

/// Whether the owner that was read from `place` may be called: one that was installed for one signal only is, once, and has
/// had it before its function runs, as the kernel has it. Then the default action is in its place. Async-signal-safe.
fn is_owners_turn(place: &Published<Disposition>, owner: &'static Disposition) -> bool {
    static DEFAULT: Disposition = Disposition::DEFAULT;
    !owner.is_for_once() || place.replace(owner, &DEFAULT)
}

/// Who owns SIGALRM, as far as is known.
pub(super) fn known() -> Option<&'static Disposition> {
    OWNERS.first()
}

/// Our handler is about to be put in place, and the owner will be known only afterwards. Hands back the one
/// that was known.
pub(super) fn forget() -> Option<&'static Disposition> {
    // What was sent while our handler was away has gone to the owner directly.
    take(&OWED);
    // Second: see `send_again`.
    CAME.fetch_add(1, Ordering::SeqCst);
    OWNERS.hold()
}

/// Our handler is about to be installed anew, and may find another owner: what comes for one is noted until [`announce`].
/// Hands back the one that was known.
pub(super) fn hold() -> Option<&'static Disposition> {
    OWNERS.hold()
}

/// Whom ours stood in front of when the owner's handler was installed over it.
pub(super) fn beneath() -> Option<&'static Disposition> {
    OWNERS.beneath.get()
}

/// The owner is known, and who was until then; what came for it in the meantime is sent again.
pub(super) fn announce(owner: Option<&'static Disposition>, known: Option<&'static Disposition>) {
    OWNERS.announce(owner, known);
    if take(&MISSED) {
        send_again();
    }
}

/// The owner is back in place.
pub(super) fn put_back() {
    OWNERS.put_back();
}

/// Somebody's handler was found over ours, and is left there.
pub(super) fn leave_under(over: &'static Disposition) {
    OWNERS.leave_under(over);
}

/// Whether ours was left under this one.
pub(super) fn has_left_under(over: &'static Disposition) -> bool {
    OWNERS.has_left_under(over)
}

/// Sends a signal for the owner again.
///
/// With SIGALRM shut out for the moment, so that no ring comes between the note and the signal, takes the note, and
/// leaves the signal to be delivered a second time. (One that another thread takes just then still can.)
///
/// Another thread may take our handler away and put it back in place between the note and the signal, and drop the note.
/// If its ring waited by the time that the signal was sent, that is lost: so it is sent once more, and if it was not lost,
/// told twice. If the note is dropped and not yet counted, our handler is not back, the timer stands still, and there is no
/// ring for it to be lost in.
fn send_again() {
    let blocked = mask::block_alarm();
    loop {
        let came = CAME.load(Ordering::SeqCst);
        OWED.store(true, Ordering::SeqCst);
        pending::resend();
        if CAME.load(Ordering::SeqCst) == came {
            break;
        }
    }
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
    for note in [&KEPT, &MISSED, &OWED] {
        if note.load(Ordering::SeqCst) {
            note.store(false, Ordering::SeqCst);
        }
    }
}
