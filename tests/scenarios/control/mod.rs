//! Handles, flags, shields, pauses, and the line of a watchdog.

pub mod flags;
pub mod handles;
pub mod pauses;
pub mod shields;
pub mod watchdog_lines;
