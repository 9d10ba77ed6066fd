//! Neighbours in the process: another copy of the library, clocks, timers, handlers, threads.

// Bare calls, as the rest of a program makes them.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

pub mod clocks;
pub mod copies;
pub mod foreign_timers;
pub mod handlers;
pub mod processes;
pub mod shared_checks;
pub mod threads;
