//! The calling thread waits in a system call.

use std::time::Duration;

use super::places::Place;
use super::state::{STATE, state_prepared};
use super::waiters::Waiter;
use super::{BELL, owner, rouse, thread, waiters};
use crate::error::ArmError;
use crate::os::clock;
use crate::time::Time;

/// While this lives, a ring ends the calling thread's system calls with EINTR.
pub(crate) struct Waiting(Option<&'static Place<Waiter>>);

impl Waiting {
    /// The calling thread is about to wait. Within a wait of the same thread this is nothing new.
    pub(crate) fn begin() -> Result<Waiting, ArmError> {
        if !thread::begin_waiting() {
            return Ok(Waiting(None));
        }
        let mut state = STATE.lock();
        // Under a guard from before a fork there is nothing to wait for.
        if state.schedule.is_empty() {
            thread::end_waiting();
            return Ok(Waiting(None));
        }
        // In this order, as in arming: what waits behind the mask meets our handler.
        if let Err(e) = state.kernel.stand_in().and_then(|()| thread::enter()) {
            if state.is_idle() {
                state.kernel.disengage();
            }
            thread::end_waiting();
            return Err(e);
        }
        let waiter = waiters::join();
        state.kernel.count_waiting(1);
        let settled = state.try_settle(clock::now());
        drop(state);
        let waiting = Waiting(Some(waiter));
        match settled {
            Ok(true) => {}
            // In a suspension nobody rings, and every check reads the clock.
            Ok(false) => rouse(),
            // Nothing would end the wait. What has begun is taken back.
            Err(e) => return Err(e),
        }
        Ok(waiting)
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
        // Our handler may have stayed for what was on its way here; or for the wait itself, of somebody who had no alarm:
        // under a guard from before a fork, in a child that has a worker.
        let mut state = STATE.lock();
        let close = thread::leave();
        if state.is_idle() || state.kernel.is_suspended() {
            state.kernel.disengage();
        }
        drop(state);
        if close {
            owner::closed();
        }
    }
}

/// Has the next check of every thread look at the clock: for whoever has waited until a deadline and seen no signal,
/// because the program has shut it out, or has taken the timer away.
pub(crate) fn ask_again() {
    BELL.set();
}

/// How long until the next deadline of any alarm; `None` if there is none to come.
pub(crate) fn until_next() -> Option<Duration> {
    let next = STATE.lock().schedule.next();
    (!next.is_never()).then(|| clock::until(next))
}

/// When the next alarm falls due, for whoever is about to wait and cannot check while it does: it waits no longer than
/// this and then asks [`answer_here`]. `None` on a thread without alarms.
pub(crate) fn next_here() -> Option<Time> {
    let scope = thread::scope();
    let state = state_prepared();
    state.schedule.has_any_in(scope).then(|| state.schedule.next())
}
