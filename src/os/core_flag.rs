//! The flag of `sigalarm-core`, which the models replace.

pub(crate) use sigalarm_core::implementer::{Flag as Byte, flag};
