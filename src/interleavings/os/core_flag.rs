#[path = "../../../core/src/os.rs"]
mod os;

use super::memory as atomic;

pub(crate) use self::os::Flag as Byte;

static FLAG: Byte = Byte::new();

pub(crate) fn flag() -> &'static Byte {
    &FLAG
}
