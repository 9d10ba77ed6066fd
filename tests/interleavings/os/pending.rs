//! A SIGALRM that is under way.

use std::io;

use super::machine::{From, call};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Nothing,
    Timers,
    ToThread,
    Sent,
}

pub(crate) fn take() -> io::Result<Taken> {
    Ok(match call(|machine, me| machine.take(me)) {
        None => Taken::Nothing,
        Some(From::Timer) => Taken::Timers,
        Some(From::Thread) => Taken::ToThread,
        Some(From::Process) => Taken::Sent,
    })
}

pub(crate) fn resend() {
    call(|machine, _| machine.send(From::Process));
}

pub(crate) fn resend_signal(_: usize) {}
