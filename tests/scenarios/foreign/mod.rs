//! Foreign timers and handlers beside armed guards.

pub mod delivered;
pub mod set_under_a_guard;
pub mod takeovers;
