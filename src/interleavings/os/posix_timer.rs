//! Timer ids are not reused, so that a use after deletion fails.

use std::io;
use std::time::Duration;

use super::machine::{call, me};
pub(crate) use super::setting::TimerId;
use crate::time::Time;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ThreadId(usize);

pub(crate) const SUPPORTED: bool = true;

impl ThreadId {
    pub(crate) fn current() -> ThreadId {
        ThreadId(me())
    }
}

impl TimerId {
    pub(crate) fn create(thread: ThreadId, value: usize) -> io::Result<TimerId> {
        Ok(TimerId(call(|machine, _| machine.create_timer(thread.0, value))))
    }

    pub(crate) fn set(self, due: Time, repeat: Duration) -> io::Result<()> {
        call(|machine, _| machine.set_timer(self.0, due, repeat));
        Ok(())
    }

    pub(crate) fn has_expired(self) -> bool {
        call(|machine, _| machine.has_expired(self.0))
    }

    pub(crate) fn delete(self) {
        call(|machine, _| machine.delete_timer(self.0));
    }
}
