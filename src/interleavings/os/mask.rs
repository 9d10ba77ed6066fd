use std::io;

use super::machine::{call, change_mask};

pub(crate) fn unblock_alarm() -> io::Result<()> {
    change_mask(false);
    Ok(())
}

pub(crate) fn block_alarm() -> io::Result<()> {
    change_mask(true);
    Ok(())
}

pub(crate) fn is_alarm_blocked() -> io::Result<bool> {
    Ok(call(|machine, me| machine.task(me).blocked))
}
