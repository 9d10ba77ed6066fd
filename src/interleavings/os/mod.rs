//! The faces of `src/os`, over a scripted kernel and a memory with store buffers.
//!
//! What needs no kernel there is used here as it is. The rest has the same face and asks the [`machine`].

#![allow(unsafe_code)] // As in `src/os`.
#![allow(dead_code)] // Faces for systems and features that the scenarios do not use.

pub(crate) mod machine;
pub(crate) mod memory;

pub(crate) mod clock;
pub(crate) mod core_flag;
pub(crate) mod disposition;
pub(crate) mod exit;
pub(crate) mod fork;
pub(crate) mod handler;
pub(crate) mod itimer;
pub(crate) mod local;
pub(crate) mod mask;
pub(crate) mod pending;
pub(crate) mod posix_timer;
pub(crate) mod single_threaded;
pub(crate) mod thread;
pub(crate) mod thread_end;

pub(crate) use self::memory as atomic;

#[path = "../../os/child.rs"]
pub(crate) mod child;
#[path = "../../os/flag.rs"]
pub(crate) mod flag;
#[path = "../../os/poll.rs"]
pub(crate) mod poll;
#[path = "../../os/published.rs"]
pub(crate) mod published;
#[path = "../../os/setting.rs"]
pub(crate) mod setting;
#[path = "../../os/shared_flag.rs"]
pub(crate) mod shared_flag;
