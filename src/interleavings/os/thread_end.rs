use std::ffi::c_void;
use std::io;
use std::ptr;
use std::sync::OnceLock;

use super::machine::call;

static AT_END: OnceLock<extern "C" fn(*mut c_void)> = OnceLock::new();

pub(crate) fn prepare(at_end: extern "C" fn(*mut c_void)) -> io::Result<()> {
    AT_END.get_or_init(|| at_end);
    Ok(())
}

pub(crate) fn call_at_end() -> io::Result<()> {
    call(|machine, me| machine.task(me).has_end_hook = true);
    Ok(())
}

pub(super) fn run() {
    if let Some(at_end) = AT_END.get() {
        at_end(ptr::null_mut());
    }
}
