//! The calling thread's mask.

use std::io;

use super::machine::{call, change_mask};

pub(crate) fn unblock_alarm() -> io::Result<bool> {
    Ok(change_mask(false))
}

pub(crate) fn block_alarm() -> io::Result<bool> {
    Ok(change_mask(true))
}

pub(crate) fn lets_alarm_in() -> bool {
    !call(|machine, me| machine.blocks(me))
}
