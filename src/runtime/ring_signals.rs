//! Signals that ring (expire) alarms, so that Ctrl-C can stop a computation.
//!
//! A signal rings the alarms that listen to it. The handler forwards it to the previous handler if no unexpired alarm listens to
//! it, or if it comes a second time before the next check. So a second Ctrl-C ends a program that does not check.

use std::collections::BTreeMap;

use nix::libc;

use super::installation::Installation;
use super::previous_handler::previous_of;
use super::{blocked_threads, deadline_actions, set_flags};
use crate::error::ArmError;
use crate::os::atomic::{AtomicU32, Ordering};
use crate::os::disposition::{Disposition, Kind};
use crate::os::handler::Arrival;

pub(super) const SIGNALS: usize = 32;

/// The signals that an unexpired alarm listens to, a bit for each.
static LISTENING: AtomicU32 = AtomicU32::new(0);

/// The signals that have come since the last slow path, a bit for each.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

pub(super) fn on_signal(arrival: &Arrival) {
    let Some(bit) = 1_u32.checked_shl(arrival.signal() as u32) else { return };
    let previous = previous_of(arrival.signal());
    if arrival.unfinished_deliveries() > 0 {
        return previous.forward_back(arrival);
    }
    if LISTENING.load(Ordering::SeqCst) & bit != 0 && ARRIVED.fetch_or(bit, Ordering::SeqCst) & bit == 0 {
        set_flags();
        deadline_actions::on_ring_signal(bit);
        blocked_threads::wake_all();
        return;
    }
    previous.forward(arrival, true);
}

pub(crate) fn refusal(signal: libc::c_int) -> Option<&'static str> {
    match signal {
        libc::SIGKILL | libc::SIGSTOP => Some("the kernel lets no process handle it"),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP | libc::SIGSYS => {
            Some("it reports a fault of the instruction that runs, which cannot go on")
        }
        libc::SIGABRT => Some("abort() ends the process whatever its handler does"),
        libc::SIGALRM => Some("the alarms themselves are built on it"),
        1..32 => None,
        _ => Some("there is no such signal, or it is a real-time signal"),
    }
}

pub(super) struct Signals {
    rings: BTreeMap<usize, (usize, Installation)>,
    all_users: usize,
}

impl Signals {
    pub(super) const fn new() -> Signals {
        Signals { rings: BTreeMap::new(), all_users: 0 }
    }

    /// Counts an alarm as a user of each signal in `mask`. The first user of a signal installs the handler for it. On an error,
    /// no user is counted.
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
        let signal = number as libc::c_int;
        let (users, installation) =
            self.rings.entry(number).or_insert_with(|| (0, Installation::new(signal)));
        if *users == 0 {
            let found = Disposition::current_of(signal).map_err(|e| ArmError::system("sigaction", e))?;
            // If the program was started with the signal ignored, by nohup or a shell's `&`, the signal stays ignored.
            if found.kind() != Kind::Ignore {
                installation.install()?;
            }
        }
        *users += 1;
        self.all_users += 1;
        Ok(())
    }

    pub(super) fn disengage(&mut self, mask: u32) {
        for number in numbers(mask) {
            let Some((users, installation)) = self.rings.get_mut(&number) else { continue };
            *users -= 1;
            self.all_users -= 1;
            if *users == 0 {
                installation.remove();
                ARRIVED.fetch_and(!(1 << number), Ordering::SeqCst);
            }
        }
    }

    #[inline(always)]
    pub(super) fn in_use(&self) -> bool {
        self.all_users > 0
    }

    pub(super) fn interrupt(&mut self) {
        for (_, installation) in self.rings.values_mut().filter(|(users, _)| *users > 0) {
            if blocked_threads::is_any_blocked() {
                let _ = installation.begin_interrupting();
            } else {
                installation.end_interrupting();
            }
        }
    }

    #[inline]
    pub(super) fn start_again(&mut self) {
        if has_any_arrived() {
            ARRIVED.store(0, Ordering::SeqCst);
        }
        if self.in_use() {
            publish(0);
            for (users, installation) in self.rings.values_mut() {
                *users = 0;
                installation.remove();
            }
            self.all_users = 0;
        }
    }
}

pub(super) fn publish(listening: u32) {
    LISTENING.store(listening, Ordering::SeqCst);
}

pub(super) fn has_any_arrived() -> bool {
    ARRIVED.load(Ordering::SeqCst) != 0
}

pub(super) fn take_arrived() -> impl Iterator<Item = usize> {
    numbers(if has_any_arrived() { ARRIVED.swap(0, Ordering::SeqCst) } else { 0 })
}

fn numbers(mask: u32) -> impl Iterator<Item = usize> {
    (0..SIGNALS).filter(move |number| mask & (1 << number) != 0)
}
