//! Signal dispositions: [sigaction(2)](https://man7.org/linux/man-pages/man2/sigaction.2.html).

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use nix::errno::Errno;
use nix::libc::{self, c_int, sighandler_t, sigset_t};
use nix::sys::signal::{SigSet, Signal::*};

use super::handler;
pub(crate) use super::signal::{Kind, Manner};

#[derive(Clone, Copy)]
pub(crate) struct Disposition(pub(super) libc::sigaction);

impl Disposition {
    pub(crate) const DEFAULT: Disposition = Disposition::plain(libc::SIG_DFL);

    const fn plain(function: sighandler_t) -> Disposition {
        // SAFETY: zeroes are a valid value of integers, bit sets and `Option`s of functions.
        let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        action.sa_sigaction = function;
        Disposition(action)
    }

    pub(crate) fn ours(manner: Manner) -> Disposition {
        let mut ours = Disposition::plain(handler::address());
        let restart = if manner.restart { libc::SA_RESTART } else { 0 };
        let on_stack = if manner.on_stack { libc::SA_ONSTACK } else { 0 };
        ours.0.sa_flags = libc::SA_SIGINFO | restart | on_stack;
        if manner.alone {
            ours.0.sa_mask = *all_but_faults().as_ref();
        }
        ours
    }

    pub(crate) fn current_of(signal: c_int) -> io::Result<Disposition> {
        exchange(signal, None)
    }

    pub(crate) fn install_for(&self, signal: c_int) -> io::Result<Disposition> {
        exchange(signal, Some(&self.0))
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.0.sa_sigaction == handler::address()
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.0.sa_sigaction {
            libc::SIG_DFL => Kind::Default,
            libc::SIG_IGN => Kind::Ignore,
            _ => Kind::Function,
        }
    }

    pub(super) fn has(&self, flag: c_int) -> bool {
        self.0.sa_flags & flag != 0
    }

    pub(crate) fn same_as(&self, other: &Disposition) -> bool {
        // The C library adds SA_RESTORER to the flags.
        const HIDDEN: c_int = if cfg!(target_os = "linux") { 0x0400_0000 } else { 0 };
        self.0.sa_sigaction == other.0.sa_sigaction
            && self.0.sa_flags | HIDDEN == other.0.sa_flags | HIDDEN
            && bytes(&self.0.sa_mask) == bytes(&other.0.sa_mask)
    }
}

fn bytes(set: &sigset_t) -> &[u8] {
    // Linux has 64 signals, and the C library leaves the other bits undefined.
    const KNOWN: usize =
        if cfg!(any(target_os = "linux", target_os = "android")) { 8 } else { size_of::<sigset_t>() };
    // SAFETY: the set has so many bytes, which `plain` or the C library has initialised.
    unsafe { slice::from_raw_parts(ptr::from_ref(set).cast(), KNOWN) }
}

/// Leaves faults unblocked: a blocked fault kills the process without its handler.
fn all_but_faults() -> SigSet {
    let mut set = SigSet::all();
    [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS]
        .into_iter()
        .for_each(|fault| set.remove(fault));
    set
}

fn exchange(signal: c_int, new: Option<&libc::sigaction>) -> io::Result<Disposition> {
    let mut old = MaybeUninit::zeroed();
    // SAFETY:
    // - The pointers are null or valid for the call, and zeroes are a valid value.
    // - The action is an earlier disposition, the default, or the library's handler, which is async-signal-safe.
    unsafe {
        Errno::result(libc::sigaction(signal, new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()))?;
        Ok(Disposition(old.assume_init()))
    }
}
