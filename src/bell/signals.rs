//! Signals that ring the bell: Ctrl-C as a reason to stop.
//!
//! The first one that comes rings the alarms that listen to it. One that comes before that is answered, or when no
//! alarm is left that listens, goes to whom the signal belonged before: a second Ctrl-C takes the default action.

use std::mem;

use nix::libc;

use super::owner::{self, Owners};
use super::{rouse, waiters};
use crate::error::ArmError;
use crate::os::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::os::disposition::{Disposition, Kind, Manner};
use crate::os::handler::Arrival;
use crate::schedule::signals::{SIGNALS, numbers};

/// How many alarms listen to each signal and have not expired.
static LISTENING: [AtomicUsize; SIGNALS] = [const { AtomicUsize::new(0) }; SIGNALS];

/// Which signals have come and not been answered, a bit for each.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

static OWNERS: [Owners; SIGNALS] = [const { Owners::unknown() }; SIGNALS];

/// What such a signal does. Async-signal-safe.
pub(super) fn on_signal(arrival: &Arrival) {
    let number = arrival.signal() as usize;
    let Some(listening) = LISTENING.get(number) else { return };
    let owners = &OWNERS[number];
    // The owner's handler had it from us.
    if arrival.handed_back() > 0 {
        return owners.hand_down(arrival);
    }
    let bit = 1 << number;
    if listening.load(Ordering::SeqCst) > 0 && ARRIVED.fetch_or(bit, Ordering::SeqCst) & bit == 0 {
        rouse();
        waiters::wake_others();
        return;
    }
    // Again, if it was for one signal and another one has just had it.
    while owners.first().is_some_and(|owner| !owners.hand_on(arrival, owner)) {}
}

/// Why an alarm cannot listen to a signal.
pub(crate) fn refusal(signal: libc::c_int) -> Option<&'static str> {
    match signal {
        libc::SIGKILL | libc::SIGSTOP => Some("the kernel lets nobody handle it"),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS => {
            Some("it tells of a fault in the very instruction that runs, which cannot go on")
        }
        libc::SIGABRT => Some("abort() ends the process whatever its handler does"),
        libc::SIGALRM => Some("the alarms themselves are built on it"),
        1..32 => None,
        _ => Some("there is no such signal, or it is a real-time signal"),
    }
}

/// Which signals are handled by us, and for how many alarms.
pub(super) struct Signals {
    users: [usize; SIGNALS],
    /// All of them together.
    all_users: usize,
    owners: Vec<&'static Disposition>,
}

impl Signals {
    pub(super) const fn new() -> Signals {
        Signals { users: [0; SIGNALS], all_users: 0, owners: Vec::new() }
    }

    /// One alarm more that listens to the signals of this mask. When it fails, nothing has changed.
    pub(super) fn engage(&mut self, mask: u32) -> Result<(), ArmError> {
        for number in numbers(mask) {
            if let Err(e) = self.engage_one(number) {
                self.disengage(mask & ((1 << number) - 1));
                return Err(e);
            }
        }
        Ok(())
    }

    fn engage_one(&mut self, number: usize) -> Result<(), ArmError> {
        if self.users[number] == 0 {
            let signal = number as libc::c_int;
            let failed = |e| ArmError::system("sigaction", e);
            let found = Disposition::current_of(signal).map_err(failed)?;
            // Whoever started the program with this signal ignored (nohup, a shell's background job) meant it.
            if found.kind() != Kind::Ignore {
                // The owner is known before our handler can run. (Somebody who changes the disposition between
                // these lines, on another thread, is overruled until the last drop.)
                if !found.is_ours() {
                    let found = owner::kept_for_good(&mut self.owners, &found);
                    OWNERS[number].announce(Some(found), OWNERS[number].first());
                }
                Disposition::install_ours_for(signal, manner(number, true)).map_err(failed)?;
            }
        }
        self.users[number] += 1;
        self.all_users += 1;
        Ok(())
    }

    /// One alarm less that listened to these.
    pub(super) fn disengage(&mut self, mask: u32) {
        for number in numbers(mask) {
            self.users[number] -= 1;
            self.all_users -= 1;
            if self.users[number] == 0 {
                self.restore(number);
            }
        }
    }

    /// Puts a signal's owner back, unless somebody has replaced our handler.
    fn restore(&mut self, number: usize) {
        let (signal, owners) = (number as libc::c_int, &OWNERS[number]);
        if let (Some(owner), Ok(current)) = (owners.first(), Disposition::current_of(signal)) {
            if current.is_ours() {
                let _ = owner.install_for(signal);
                owners.put_back();
            } else {
                owners.leave_under(owner::kept_for_good(&mut self.owners, &current));
            }
        }
        ARRIVED.fetch_and(!(1 << number), Ordering::SeqCst);
    }

    pub(super) fn in_use(&self) -> bool {
        self.all_users > 0
    }

    /// Lets a system call that one of them interrupts go on, or fail with EINTR.
    pub(super) fn choose_restart(&self, restart: bool) {
        for number in (1..SIGNALS).filter(|number| self.users[*number] > 0) {
            let signal = number as libc::c_int;
            if Disposition::current_of(signal).is_ok_and(|current| current.is_ours()) {
                let _ = Disposition::install_ours_for(signal, manner(number, restart));
            }
        }
    }

    /// In a forked child: each signal is its owner's again.
    pub(super) fn start_again(&mut self) {
        if ARRIVED.load(Ordering::SeqCst) != 0 {
            ARRIVED.store(0, Ordering::SeqCst);
        }
        if !self.in_use() {
            return;
        }
        LISTENING.iter().for_each(|listening| listening.store(0, Ordering::SeqCst));
        for number in 1..SIGNALS {
            if mem::take(&mut self.users[number]) > 0 {
                self.restore(number);
            }
        }
        self.all_users = 0;
    }
}

/// How our handler runs in front of a signal's owner.
fn manner(number: usize, restart: bool) -> Manner {
    Manner { restart, ..OWNERS[number].first().map_or(Manner::USUAL, Manner::in_front_of) }
}

/// Tells the handler how many alarms listen.
pub(super) fn publish(listening: &[usize; SIGNALS]) {
    for (to, from) in LISTENING.iter().zip(listening) {
        to.store(*from, Ordering::SeqCst);
    }
}

/// Takes the signals that have come.
pub(super) fn take_arrived() -> impl Iterator<Item = usize> {
    let arrived = match ARRIVED.load(Ordering::SeqCst) {
        0 => 0, // As a rule; and cheaper than to exchange.
        _ => ARRIVED.swap(0, Ordering::SeqCst),
    };
    numbers(arrived)
}
