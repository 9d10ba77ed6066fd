//! Signal dispositions and the mask of a forked child.
//!
//! In the child, an inherited handler could write to a pipe of the parent's event loop. So signals are blocked from
//! before the fork until the child has reset its dispositions.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

const REQUESTS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

pub(crate) struct BlockedSignals {
    /// The parent's mask without SIGTERM, because SIGTERM must be able to end the child.
    in_child: SigSet,
    blocked_sigterm: bool,
    alarms: bool,
    reset: [bool; REQUESTS.len()],
}

/// Blocks every signal except SIGALRM, because only `src/runtime` blocks and unblocks SIGALRM.
pub(crate) fn block_all(alarms: bool) -> io::Result<BlockedSignals> {
    let mut wanted = SigSet::all();
    wanted.remove(Signal::SIGALRM);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))?;
    // In the child, each page that `sigaction` touches would cost a page fault, so the parent reads the dispositions.
    let reset = REQUESTS.map(|signal| match function_of(signal) {
        libc::SIG_DFL => false,
        libc::SIG_IGN => signal == Signal::SIGTERM,
        _ => true,
    });
    let blocked_sigterm = before.contains(Signal::SIGTERM);
    before.remove(Signal::SIGTERM);
    Ok(BlockedSignals { in_child: before, blocked_sigterm, alarms, reset })
}

impl BlockedSignals {
    pub(crate) fn restore(&self) {
        let mut mask = self.in_child;
        if self.blocked_sigterm {
            mask.add(Signal::SIGTERM);
        }
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    }

    #[inline]
    pub(crate) fn reset_in_child(&self) {
        for (signal, reset) in REQUESTS.into_iter().zip(self.reset) {
            if reset {
                // SAFETY: the default action runs no code.
                unsafe { libc::signal(signal as libc::c_int, libc::SIG_DFL) };
            }
        }
        if self.alarms { self.reset_with_alarms() } else { set_mask(&self.in_child) }
    }

    /// Sets the mask except for SIGALRM, because the fork hooks have already blocked or unblocked SIGALRM.
    #[cold]
    fn reset_with_alarms(&self) {
        let (mut mask, mut now) = (self.in_child, SigSet::empty());
        let _ = pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut now));
        if now.contains(Signal::SIGALRM) {
            mask.add(Signal::SIGALRM);
        } else {
            mask.remove(Signal::SIGALRM);
        }
        set_mask(&mask);
    }
}

#[inline]
fn set_mask(mask: &SigSet) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // The kernel's signal set is a prefix of the C library's.
        const SIZE: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };
        let set: *const libc::sigset_t = mask.as_ref();
        // SAFETY: the pointer is valid, and the kernel reads only `SIZE` bytes.
        let _ = unsafe {
            kernel_call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, set as usize, 0, SIZE])
        };
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
}

fn function_of(signal: Signal) -> libc::sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the call changes nothing. `action` is valid for writes, and zeroes are the default action.
    unsafe {
        libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}
