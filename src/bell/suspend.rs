//! The process as it was before the first guard, for a while.

use super::state::{STATE, state_prepared};
use super::{owner, rouse, thread};
use crate::os::clock;

/// Leaves the process as it was before the first guard, until [`resume`] has been called as often.
pub(crate) fn suspend() {
    let mut state = state_prepared();
    let closed = thread::suspend();
    state.kernel.suspend();
    // Nobody rings now: every check comes and reads the clock.
    rouse();
    drop(state);
    if closed {
        owner::closed();
    }
}

pub(crate) fn resume() {
    let mut state = STATE.lock();
    state.kernel.resume();
    // In the order of `finish_arming`. If our handler cannot be put in place, `settle` has the bell stay rung.
    let _ = if state.is_idle() { Ok(()) } else { state.kernel.stand_in() };
    thread::resume();
    state.settle(clock::now());
}
