//! Atomic types, which models replace.

pub(crate) use core::sync::atomic::{fence, AtomicPtr, AtomicU8, Ordering};
