//! Threads that wait in a system call and cannot check.
//!
//! The kernel hands the timer's signal to a thread of its choice, as a rule the main one. A thread that waits in
//! [`blocking`](crate::Alarm::blocking) must be reached all the same, so whoever handles the signal passes it on to
//! it with `pthread_kill`.
//!
//! Two things must not happen. A signal of ours must not be taken for somebody's message: each waiter has a note
//! that one is on its way to it. And no such signal may come after the waiter has left, when the disposition may be
//! the program's own again: it does not leave before the note is taken.

use std::time::Duration;

use super::places::{Place, Places};
use super::{owner, rouse};
use crate::os::atomic::{AtomicBool, AtomicUsize, Ordering, spin_loop};
use crate::os::clock;
use crate::os::handler::Arrival;
use crate::os::mask;
use crate::os::pending::{self, Taken};
use crate::os::thread::{self, Handle};

/// A thread that waits.
pub(crate) struct Waiter {
    /// Which; zero for none.
    thread: AtomicUsize,
    /// Whether the thread may be sent signals.
    open: AtomicBool,
    /// A signal of ours is on its way to the thread.
    sent: AtomicBool,
}

static PLACES: Places<Waiter> = Places::new();

/// How many handlers are going through the list.
static VISITORS: AtomicUsize = AtomicUsize::new(0);

/// Nothing may be sent now: our handler is not there yet, away, or about to go.
static QUIET: AtomicBool = AtomicBool::new(true);

/// Passes a ring on to every waiting thread but this one, whose own wait it has ended already. Async-signal-safe.
pub(super) fn wake_others() {
    if PLACES.iter().next().is_none() {
        return;
    }
    VISITORS.fetch_add(1, Ordering::SeqCst);
    if !QUIET.load(Ordering::SeqCst) {
        PLACES.iter().for_each(wake);
    }
    VISITORS.fetch_sub(1, Ordering::SeqCst);
}

fn wake(waiter: &Waiter) {
    // In this order: whose place it is cannot change while it is open and somebody visits.
    if !waiter.open.load(Ordering::SeqCst) {
        return;
    }
    let to = Handle(waiter.thread.load(Ordering::SeqCst));
    // At most one is on its way to each: a second would be merged with it, or come unannounced.
    if to != Handle::current() && !waiter.sent.swap(true, Ordering::SeqCst) && !to.interrupt() {
        waiter.sent.store(false, Ordering::SeqCst);
    }
}

/// Sees to it that no signal of ours is on its way to any thread, and that none is sent until [`speak`]; to be called
/// before our handler goes. Says whether it has: a thread that has shut SIGALRM out itself does not take its own.
pub(super) fn hush() -> bool {
    QUIET.store(true, Ordering::SeqCst);
    while VISITORS.load(Ordering::SeqCst) > 0 {
        spin_loop();
    }
    let is_quiet = || PLACES.iter().all(|waiter| !waiter.sent.load(Ordering::SeqCst));
    if is_quiet() {
        return true;
    }
    // By the clock: on a busy machine a single turn may take long, and others wait for the lock.
    let until = clock::now().after(PATIENCE);
    while clock::now() < until {
        thread::step_aside();
        if is_quiet() {
            return true;
        }
    }
    false
}

/// For how long to let others run before giving up.
const PATIENCE: Duration = Duration::from_millis(500);

/// Our handler is in place.
pub(super) fn speak() {
    QUIET.store(false, Ordering::SeqCst);
}

/// Whether a signal is one that [`wake_others`] has sent to this thread. Async-signal-safe.
///
/// Should one of the program's own to this very thread have come first and swallowed it, it is the other that is
/// taken for ours: two signals that merge are one.
pub(super) fn is_ours(arrival: &Arrival) -> bool {
    arrival.sent_to_thread()
        && PLACES.iter().any(|waiter| {
            waiter.thread.load(Ordering::SeqCst) == Handle::current().0
                && waiter.sent.swap(false, Ordering::SeqCst)
        })
}

/// Takes a place for the calling thread. Under the lock of the state.
pub(super) fn join() -> &'static Place<Waiter> {
    let waiter = PLACES.take(|| Waiter {
        thread: AtomicUsize::new(0),
        open: AtomicBool::new(false),
        sent: AtomicBool::new(false),
    });
    waiter.thread.store(Handle::current().0, Ordering::SeqCst);
    waiter.open.store(true, Ordering::SeqCst);
    waiter
}

/// Gives the place back. Not under the lock: it waits for handlers.
pub(super) fn leave(waiter: &Place<Waiter>) {
    // From here on nobody begins to reach for this thread.
    waiter.open.store(false, Ordering::SeqCst);
    // After this nobody is doing it any more: whoever counted itself in later has seen the line above.
    while VISITORS.load(Ordering::SeqCst) > 0 {
        spin_loop();
    }
    // And after this nothing is on its way. It comes to the handler when this thread next goes through the kernel;
    // or, should the program have blocked SIGALRM here meanwhile, it waits, and is taken.
    while waiter.sent.load(Ordering::SeqCst) {
        thread::step_aside();
        if mask::lets_alarm_in() {
            continue;
        }
        match pending::take() {
            // Ours: one to this thread waits, for the note says so, and it is the first to be taken.
            Ok(Taken::FromHere) => waiter.sent.store(false, Ordering::SeqCst),
            // What was not for this thread goes on to those whom it is for.
            Ok(Taken::Timers) => rouse(),
            Ok(Taken::Sent) => {
                owner::keep();
                owner::send_kept();
            }
            Ok(Taken::Nothing) | Err(_) => {}
        }
    }
    waiter.thread.store(0, Ordering::SeqCst);
    waiter.give_back();
}

/// In a forked child: the threads that waited stayed with the parent, and our handler goes.
pub(super) fn start_again() {
    if !QUIET.load(Ordering::SeqCst) {
        QUIET.store(true, Ordering::SeqCst);
    }
    if VISITORS.load(Ordering::SeqCst) > 0 {
        VISITORS.store(0, Ordering::SeqCst);
    }
    for waiter in PLACES.iter() {
        waiter.open.store(false, Ordering::SeqCst);
        waiter.sent.store(false, Ordering::SeqCst);
        waiter.thread.store(0, Ordering::SeqCst);
    }
    PLACES.vacate();
}
