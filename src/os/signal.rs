use nix::libc;

use super::disposition::Disposition;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A POSIX timer; the number is its `sigev_value`.
    #[cfg_attr(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")), allow(dead_code))]
    Timer(usize),
    Interval,
    /// A `raise` or `pthread_kill` of this process.
    Raise,
    /// Usually `kill`.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    Ignore,
    Function,
}

impl Disposition {
    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.has(libc::SA_RESTART)
    }

    pub(crate) fn is_for_once(&self) -> bool {
        self.kind() == Kind::Function && self.has(libc::SA_RESETHAND)
    }
}
