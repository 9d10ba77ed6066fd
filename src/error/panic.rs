//! What a panic said.

use std::any::Any;

/// The text of a panic's payload; `Box<dyn Any>` for one that is not a string, as in Rust's own reports.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "Box<dyn Any>"
    }
}
