//! Public items that need no process of their own, under the standard harness.

#[allow(dead_code)] // The scenarios use the rest.
#[path = "../support/alarms.rs"]
mod alarms;
#[allow(dead_code)]
#[path = "../support/process.rs"]
mod process;

mod best;
mod completed;
#[cfg(feature = "enough")]
mod enough;
mod faces;
mod guards;
mod iter;
mod testing;
mod unwind;
mod wait_for;
mod workers;
