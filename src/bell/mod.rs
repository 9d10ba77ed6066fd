//! The bell and those who answer it.
//!
//! The handler rings; a check that hears it comes here, takes the lock, **stills the bell before it looks**,
//! reads the clock, expires what is due, programs the kernel's timer for what comes next, and answers. While
//! an expired alarm lives the bell stays rung, so that every later check comes here and is answered rightly.
//!
//! The signal is a hint, the deadline is the truth: a ring that means nothing costs one look, and a ring
//! that nobody answers is not lost, for the bell stays rung.

mod account;
mod answer;
mod arm;
mod audit;
mod change;
mod expired;
mod foreign;
mod given_back;
mod kernel;
mod last_resort;
mod news;
mod on_signal;
mod owner;
mod places;
mod plan;
mod programmed;
pub(crate) mod signals;
mod state;
mod suspend;
mod thread;
mod tickers;
mod wait;
mod waiters;

use crate::os::flag::Flag;

pub(crate) use self::answer::{TICKS, answer, answer_here};
pub(crate) use self::arm::{arm, arm_ticker, release, release_ticker};
pub(crate) use self::change::{
    disarm, enter, extend, find, inspect, leave, longest_gap, restart, ring, unused_id,
};
pub(crate) use self::last_resort::Grace;
pub(crate) use self::news::{HAS_ANY_EXPIRED, HAS_EXPIRED, MUST_UNWIND, MUST_UNWIND_FOR_ANY, News, Question};
pub(crate) use self::places::Place;
pub(crate) use self::plan::{CpuOf, Due, Plan, Wishes};
#[cfg(feature = "process")]
pub(crate) use self::state::prepare;
pub(crate) use self::suspend::{resume, suspend};
pub(crate) use self::wait::{Waiting, ask_again, next_here, until_next};

/// The bell: "somebody has something to say; come and ask".
///
/// Relaxed suffices to read and to ring it, because it is a hint: whoever acts on it takes the lock, and the
/// lock orders everything else.
static BELL: Flag = Flag::new();

/// Whether a check must come and ask. The hot path, whole.
#[inline(always)]
pub(crate) fn is_rung() -> bool {
    BELL.is_set()
}

/// Calls everybody to come and ask: every check and every ticker. Async-signal-safe.
fn rouse() {
    audit::note_ring(&BELL);
    BELL.set();
    tickers::call_all();
}
