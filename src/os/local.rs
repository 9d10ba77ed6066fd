//! What each thread has of its own, by a name of our own for the same reason as the [`atomic`](super::atomic)s.

pub(crate) use std::thread_local;
