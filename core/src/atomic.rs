//! The atomics, by a name of their own, so that those of a model can stand in their place where [`os`](super::os) is tested.

pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU8, Ordering, fence};
