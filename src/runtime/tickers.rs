//! The flags of tickers. Each ticker has a flag of its own, because a check that takes the slow path clears the library's flag.

use super::registry::Registered;
use super::shared::SHARED;
use super::state::{STATE, state_prepared};
use crate::os::flag::Flag;

pub(super) fn take() -> &'static Registered<Flag> {
    let _state = state_prepared();
    let flag = SHARED.tickers.take(Flag::new);
    flag.clear();
    flag
}

pub(super) fn give_back(flag: &Registered<Flag>) {
    let _state = STATE.lock();
    SHARED.tickers.give_back(flag);
}

pub(super) fn set_all() {
    SHARED.tickers.iter().for_each(Flag::set);
}

#[inline]
pub(super) fn start_again() {
    SHARED.tickers.free_all();
}
