//! A SIGALRM that is under way.

use std::io;

use super::machine::{From, call};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Nothing,
    Timers,
    FromHere,
    #[allow(dead_code)] // Here is one process.
    Sent,
}

pub(crate) fn take() -> io::Result<Taken> {
    Ok(match call(|machine, me| machine.take(me)) {
        None => Taken::Nothing,
        Some(From::Timer) => Taken::Timers,
        // Which of the two the C library does not tell.
        Some(From::Thread | From::Process) => Taken::FromHere,
    })
}

pub(crate) fn resend() {
    call(|machine, _| machine.send(From::Process));
}

pub(crate) fn resend_signal(_: usize) {}
