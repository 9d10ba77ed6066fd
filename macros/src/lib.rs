//! The attribute macros of [`sigalarm`](https://docs.rs/sigalarm). Use them through that crate.
