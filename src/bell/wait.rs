//! The calling thread waits in a system call.

use std::time::Duration;

use super::places::Place;
use super::waiters::Waiter;
use super::{STATE, owner, thread, waiters};
use crate::error::ArmError;
use crate::os::clock;

/// While this lives, a ring ends the calling thread's system calls with EINTR.
pub(crate) struct Waiting(Option<&'static Place<Waiter>>);

impl Waiting {
    /// The calling thread is about to wait. Within a wait of the same thread this is nothing new.
    pub(crate) fn begin() -> Result<Waiting, ArmError> {
        if !thread::begin_waiting() {
            return Ok(Waiting(None));
        }
        let mut state = STATE.lock();
        if let Err(e) = thread::enter() {
            thread::end_waiting();
            return Err(e);
        }
        let waiter = waiters::join();
        state.kernel.count_waiting(1);
        state.settle(clock::now());
        Ok(Waiting(Some(waiter)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(waiter) = self.0 else { return };
        // In a forked child nobody waits, and the place may have gone to somebody else.
        if !thread::is_waiting() {
            return;
        }
        let mut state = STATE.lock();
        state.kernel.count_waiting(-1);
        state.settle(clock::now());
        drop(state);
        waiters::leave(waiter);
        thread::end_waiting();
        if thread::leave() {
            owner::uncount();
        }
    }
}

/// How long until the next deadline of any alarm; `None` if there is none to come.
pub(crate) fn until_next() -> Option<Duration> {
    let next = STATE.lock().schedule.next();
    (!next.is_never()).then(|| clock::until(next))
}
