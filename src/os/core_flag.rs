//! The flag of `sigalarm-core`, by a name of our own for the same reason as the [`atomic`](super::atomic)s.

pub(crate) use sigalarm_core::implementer::{Flag as Byte, flag};
