//! `src/os` on a simulated [`machine`]. Modules that make no system calls are those of `src/os` itself.

#![allow(unsafe_code)]
#![allow(dead_code)] // The scenarios use a part of the interface.

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
#[path = "../../os/shared_arc.rs"]
pub(crate) mod shared_arc;
#[path = "../../os/signal.rs"]
pub(crate) mod signal;
