use super::machine::{machine, step};

pub(crate) fn prepare() {}

pub(crate) fn is_single_threaded() -> bool {
    step();
    machine().is_single_threaded()
}
