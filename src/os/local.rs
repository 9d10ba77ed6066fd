//! Thread-locals, which the models replace.

pub(crate) use std::thread_local;
