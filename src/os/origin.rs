//! A signal's sender and current handler.

use super::disposition::{Disposition, Kind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A POSIX timer, with its value.
    #[cfg_attr(target_vendor = "apple", allow(dead_code))]
    Timer(usize),
    Interval,
    /// This process, by `raise` or `pthread_kill`.
    Raise,
    /// Others, usually by `kill`; or unknown.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InPlace {
    Ours,
    Default,
    Other,
}

impl InPlace {
    pub(super) fn of(current: Option<Disposition>) -> InPlace {
        match current {
            Some(current) if current.is_ours() => InPlace::Ours,
            Some(current) if current.kind() == Kind::Default => InPlace::Default,
            _ => InPlace::Other,
        }
    }
}
