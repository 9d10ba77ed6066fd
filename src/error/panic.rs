//! The message of a panic.

use std::any::Any;

/// Returns the text of a panic's payload; `Box<dyn Any>` for a payload that is not a string, as std prints it.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "Box<dyn Any>"
    }
}
