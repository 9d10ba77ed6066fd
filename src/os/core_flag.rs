//! The flag of `sigalarm-core`, under one path that the models replace.

pub(crate) use sigalarm_core::implementer::{Flag as Byte, flag};
