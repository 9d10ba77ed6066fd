//! Operating system calls behind safe functions. All `unsafe` and all differences between systems are here.

#![allow(unsafe_code)]

#[cfg(feature = "process")]
pub(crate) mod alone;
#[cfg(feature = "process")]
pub(crate) mod c_streams;
pub(crate) mod child;
#[cfg(feature = "process")]
pub(crate) mod child_timer;
pub(crate) mod clock;
pub(crate) mod disposition;
pub(crate) mod exit;
pub(crate) mod flag;
pub(crate) mod fork;
#[cfg(feature = "process")]
pub(crate) mod forked;
pub(crate) mod handler;
#[cfg(feature = "process")]
pub(crate) mod inherited;
pub(crate) mod itimer;
#[cfg(feature = "process")]
pub(crate) mod job_fd;
#[cfg(all(feature = "process", any(target_os = "linux", target_os = "android")))]
pub(crate) mod kernel_call;
#[cfg(feature = "process")]
pub(crate) mod limits;
pub(crate) mod mask;
pub(crate) mod pending;
#[cfg(feature = "process")]
pub(crate) mod pidfd;
#[cfg(feature = "process")]
pub(crate) mod pipe;
pub(crate) mod poll;
pub(crate) mod posix_timer;
pub(crate) mod published;
#[cfg(feature = "process")]
pub(crate) mod reap;
pub(crate) mod setting;
pub(crate) mod shared_arc;
pub(crate) mod signal;
pub(crate) mod single_threaded;
pub(crate) mod thread;
pub(crate) mod thread_end;

pub(crate) mod atomic {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
}

pub(crate) mod core_flag {
    pub(crate) use sigalarm_core::implementer::{Flag as Byte, flag};
}

pub(crate) mod local {
    pub(crate) use std::thread_local;
}
