//! The flags of the tickers.
//!
//! Each ticker has a flag of its own, which every ring sets. It cannot use the bell: that one is stilled by whoever
//! answers it first, and would have to stay rung until the ticker is asked, which may be never.

use super::places::{Place, Places};
use crate::os::flag::Flag;

static PLACES: Places<Flag> = Places::new();

pub(super) fn take() -> &'static Place<Flag> {
    let place = PLACES.take(Flag::new);
    place.reset();
    place
}

/// Calls every ticker to look. Async-signal-safe.
pub(super) fn call_all() {
    PLACES.iter().for_each(Flag::set);
}

pub(super) fn start_again() {
    PLACES.vacate();
}
