use std::io;

use nix::libc::SIGALRM;

use super::machine::call;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Function {
    #[default]
    Default,
    Ignore,
    Library,
    /// The program's handler, which records signals.
    Program,
    /// A later handler, which calls the previous handler.
    Over,
    /// A later handler, which restores the previous handler and raises the signal.
    OverByRaise,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) function: Function,
    pub(crate) restart: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Default,
    Ignore,
    Function,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) restart: bool,
    pub(crate) on_stack: bool,
    pub(crate) alone: bool,
}

impl Manner {
    pub(crate) const USUAL: Manner = Manner { restart: true, on_stack: true, alone: true };

    pub(crate) fn in_front_of(_: &Disposition) -> Manner {
        Manner::USUAL
    }
}

impl Disposition {
    pub(crate) const DEFAULT: Disposition = Disposition { function: Function::Default, restart: false };
    pub(crate) const PROGRAM: Disposition = Disposition { function: Function::Program, restart: true };

    pub(crate) fn current_of(signal: i32) -> io::Result<Disposition> {
        Ok(call(|machine, _| *machine.action_of(signal)))
    }

    pub(crate) fn install_for(&self, signal: i32) -> io::Result<Disposition> {
        Ok(call(|machine, _| match signal {
            SIGALRM => machine.set_action(*self),
            _ => std::mem::replace(machine.action_of(signal), *self),
        }))
    }

    pub(crate) fn install_ours_for(signal: i32, manner: Manner) -> io::Result<Disposition> {
        Disposition { function: Function::Library, restart: manner.restart }.install_for(signal)
    }

    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.restart
    }

    pub(crate) fn is_for_once(&self) -> bool {
        false
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.function == Function::Library
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.function {
            Function::Default => Kind::Default,
            Function::Ignore => Kind::Ignore,
            _ => Kind::Function,
        }
    }

    pub(crate) fn same_as(&self, other: &Disposition) -> bool {
        self == other
    }
}
