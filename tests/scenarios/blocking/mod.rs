//! Calls that block in the kernel end at the deadline.

pub mod calls;
pub mod handlers;
pub mod races;
pub mod readers;
pub mod under_others;
