use std::io;

use nix::libc;

use super::machine::call;
pub(crate) use super::signal::Kind;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Function {
    #[default]
    Default,
    Library,
    /// The program's handler, which records signals.
    Program,
    /// A handler over the library's, which calls the library's.
    Over,
    /// A handler over the library's, which restores the library's and raises the signal.
    OverByRaise,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Disposition {
    pub(crate) function: Function,
    pub(crate) restart: bool,
}

impl Disposition {
    pub(crate) const DEFAULT: Disposition = Disposition { function: Function::Default, restart: false };
    pub(crate) const PROGRAM: Disposition = Disposition { function: Function::Program, restart: true };

    pub(crate) fn ours(previous: Option<&Disposition>, interrupts: bool) -> Disposition {
        let restarts = previous.is_none_or(|previous| !previous.interrupts());
        Disposition { function: Function::Library, restart: restarts && !interrupts }
    }

    pub(crate) fn current_of(signal: i32) -> io::Result<Disposition> {
        Ok(call(|machine, _| *machine.action_of(signal)))
    }

    pub(crate) fn install_for(&self, signal: i32) -> io::Result<Disposition> {
        Ok(call(|machine, _| machine.set_action_of(signal, *self)))
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.function == Function::Library
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.function {
            Function::Default => Kind::Default,
            _ => Kind::Function,
        }
    }

    pub(super) fn has(&self, flag: i32) -> bool {
        flag == libc::SA_RESTART && self.restart
    }
}
