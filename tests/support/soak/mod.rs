//! Random sequences of operations on alarms, against a simple model.
//!
//! The model is a list. It reads the clock before and after each operation. So each alarm *must* have expired, *may*
//! have, or *must not*.
//!
//! `tests/campaigns/model.rs` runs it for seconds, `tools/src/soak.rs` without a bound.

// Each user needs a part of it.
#![allow(dead_code)]

pub mod forks;
mod naive;
mod op;
mod player;
#[path = "../../../examples/tsp/rng.rs"]
pub mod rng;
pub mod scopes;
pub mod storm;
mod stormer;
mod tally;
pub mod trial;
mod world;

pub use tally::Tally;
