//! How many threads the process has.

use super::machine::call;

pub(crate) fn alone() -> bool {
    call(|machine, _| machine.threads() == 1)
}

pub(crate) fn count() -> Option<usize> {
    Some(call(|machine, _| machine.threads()))
}
