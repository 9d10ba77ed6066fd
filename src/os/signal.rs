use nix::libc;

use super::disposition::Disposition;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A POSIX timer, with its value.
    #[cfg_attr(target_vendor = "apple", allow(dead_code))]
    Timer(usize),
    Interval,
    /// This process, by `raise` or `pthread_kill`.
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

/// The library handler's flags SA_RESTART and SA_ONSTACK, and whether all signals but faults are blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) restart: bool,
    pub(crate) on_stack: bool,
    pub(crate) alone: bool,
}

impl Manner {
    /// Go and green threads have small stacks. A signal stack may have space for one handler only.
    pub(crate) const USUAL: Manner = Manner { restart: true, on_stack: true, alone: true };

    /// A previous handler may need a larger stack or nested signals.
    pub(crate) fn in_front_of(previous: &Disposition) -> Manner {
        if previous.kind() != Kind::Function {
            return Manner::USUAL;
        }
        let [restart, on_stack] = [libc::SA_RESTART, libc::SA_ONSTACK].map(|flag| previous.has(flag));
        Manner { restart, on_stack, alone: false }
    }
}

impl Disposition {
    /// Returns whether a handled signal interrupts system calls.
    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.has(libc::SA_RESTART)
    }

    pub(crate) fn is_for_once(&self) -> bool {
        self.kind() == Kind::Function && self.has(libc::SA_RESETHAND)
    }
}
