use std::io;

use super::machine::call;
pub(crate) use super::setting::Setting;

pub(crate) fn set(setting: Setting) -> io::Result<Setting> {
    Ok(call(|machine, _| machine.set_interval(setting, true)))
}

pub(crate) fn get() -> io::Result<Setting> {
    Ok(call(|machine, _| machine.read_interval()))
}
