//! Thread-locals, under one path that the models replace.

pub(crate) use std::thread_local;
