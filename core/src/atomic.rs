//! Atomic types, under one path that the test models replace.

pub(crate) use core::sync::atomic::{fence, AtomicPtr, AtomicU8, Ordering};
