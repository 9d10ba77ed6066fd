//! The faces of `src/os`, over a scripted kernel and a memory whose stores take their time.
//!
//! What is pure there is used here as it is. The rest says the same and asks the [`machine`] instead of the kernel.

#![allow(unsafe_code)] // As in `src/os`.
#![allow(dead_code)] // Faces for systems and features that the scenarios have no use for.

pub(crate) mod machine;
pub(crate) mod memory;

pub(crate) mod clock;
pub(crate) mod disposition;
pub(crate) mod exit;
pub(crate) mod fork;
pub(crate) mod handler;
pub(crate) mod itimer;
pub(crate) mod local;
pub(crate) mod mask;
pub(crate) mod pending;
pub(crate) mod preserve_all;
pub(crate) mod thread;
pub(crate) mod threads;

pub(crate) use self::memory as atomic;

#[path = "../../../src/os/child.rs"]
pub(crate) mod child;
#[path = "../../../src/os/flag.rs"]
pub(crate) mod flag;
#[path = "../../../src/os/poll.rs"]
pub(crate) mod poll;
#[path = "../../../src/os/published.rs"]
pub(crate) mod published;
#[path = "../../../src/os/setting.rs"]
pub(crate) mod setting;
