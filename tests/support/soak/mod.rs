//! Random sequences of everything that one can do with alarms, against a model that is too simple to be wrong.
//!
//! The model is a list. It does not know what the library knows, the moment at which the clock was read, but it reads
//! the clock before and after each operation. So of each alarm it says: *must* have expired, *may* have, or *must not*.
//!
//! `tests/campaigns/model.rs` runs it for seconds, `tools/src/soak.rs` for as long as one likes.

// One user needs this part of it and the other that.
#![allow(dead_code)]

pub mod forks;
mod naive;
mod op;
mod player;
#[path = "../../../examples/tsp/rng.rs"]
mod rng;
pub mod scopes;
pub mod storm;
mod stormer;
mod tally;
pub mod trial;
mod world;

pub use tally::Tally;

use std::time::Duration;

/// As late as a loaded machine may make it. What has not come by then is lost.
const LATE: Duration = Duration::from_secs(20);
