//! What the machine does with SIGALRM. (Other signals are not played.)

use std::io;

use super::machine::call;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Default,
    Ignore,
    Ours,
    /// The program's own handler, which notes what it gets.
    Owners,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) function: Function,
    restart: bool,
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
    pub(crate) const OWNERS: Disposition = Disposition { function: Function::Owners, restart: true };

    pub(crate) fn current() -> io::Result<Disposition> {
        Ok(call(|machine, _| machine.act(None)))
    }

    pub(crate) fn current_of(_: i32) -> io::Result<Disposition> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn install(&self) -> io::Result<Disposition> {
        Ok(call(|machine, _| machine.act(Some(*self))))
    }

    pub(crate) fn install_for(&self, signal: i32) -> io::Result<Disposition> {
        Disposition::current_of(signal)
    }

    pub(crate) fn install_ours(manner: Manner) -> io::Result<Disposition> {
        Disposition { function: Function::Ours, restart: manner.restart }.install()
    }

    pub(crate) fn install_ours_for(signal: i32, _: Manner) -> io::Result<Disposition> {
        Disposition::current_of(signal)
    }

    pub(crate) fn interrupts(&self) -> bool {
        self.kind() == Kind::Function && !self.restart
    }

    pub(crate) fn is_for_once(&self) -> bool {
        false
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.function == Function::Ours
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.function {
            Function::Default => Kind::Default,
            Function::Ignore => Kind::Ignore,
            Function::Ours | Function::Owners => Kind::Function,
        }
    }

    pub(crate) fn same_as(&self, other: &Disposition) -> bool {
        self == other
    }
}
