//! Atomic types, which models replace.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering, fence};
