//! Foreign SIGALRMs, storms of signals, and state that a handler must not change.

pub mod context;
pub mod kills;
pub mod over_a_guard;
