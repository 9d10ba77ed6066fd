//! Reaching a thread from outside.

use super::machine::{From, call, me, pause};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle(pub(crate) usize);

impl Handle {
    pub(crate) fn current() -> Handle {
        Handle(me() + 1)
    }

    pub(crate) fn interrupt(self) -> bool {
        call(|machine, _| machine.send_to(self.0 - 1, From::Thread));
        true
    }
}

pub(crate) fn step_aside() {
    pause();
}
