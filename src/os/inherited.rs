//! Signal dispositions and the mask of a forked child.
//!
//! Many handlers write to a pipe of the parent's event loop, so the parent would see a SIGTERM that was sent to the child. So
//! the child has all signals blocked until it has reset its dispositions.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::kernel_call::kernel_call;

/// The signals that ask a process to end.
const REQUESTS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// The signal mask before a fork, and what the child is to change.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    before: SigSet,
    /// The child's mask, if it is known before the fork.
    in_child: Option<SigSet>,
    /// Which of the [`REQUESTS`] the child resets to their default action.
    reset: [bool; REQUESTS.len()],
}

/// Blocks every signal but SIGALRM, whose disposition the alarms restore themselves. `alarms` says whether this thread has
/// any.
pub(crate) fn hold(alarms: bool) -> io::Result<Held> {
    let mut wanted = SigSet::all();
    wanted.remove(Signal::SIGALRM);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))?;
    // Before the fork: a child has a page fault for each page that it writes to.
    let reset = REQUESTS.map(|signal| match function_of(signal) {
        libc::SIG_DFL => false,
        libc::SIG_IGN => signal == Signal::SIGTERM,
        _ => true,
    });
    let mut in_child = before;
    in_child.remove(Signal::SIGTERM);
    Ok(Held { before, in_child: (!alarms).then_some(in_child), reset })
}

impl Held {
    /// Restores the mask in the parent.
    pub(crate) fn release(self) {
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }

    /// Resets the dispositions in the child and sets its mask. SIGTERM gets its default action even if the parent ignored or
    /// blocked it. SIGINT, SIGHUP and SIGQUIT stay ignored if they were, as under `nohup`.
    #[inline]
    pub(crate) fn release_in_child(&self) {
        for (signal, reset) in REQUESTS.into_iter().zip(self.reset) {
            if reset {
                // SAFETY: the default action runs no code.
                unsafe { libc::signal(signal as libc::c_int, libc::SIG_DFL) };
            }
        }
        match &self.in_child {
            Some(mask) => set_mask(mask),
            None => self.release_with_alarms(),
        }
    }

    /// Leaves SIGALRM as it is now: the parent's alarms do not exist in the child, and have restored what they had changed.
    #[cold]
    fn release_with_alarms(&self) {
        let (mut mask, mut now) = (self.before, SigSet::empty());
        mask.remove(Signal::SIGTERM);
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
        // The size of the kernel's set, which is the beginning of the C library's.
        const SIZE: usize = if cfg!(any(target_arch = "mips", target_arch = "mips64")) { 16 } else { 8 };
        let set: *const libc::sigset_t = mask.as_ref();
        // SAFETY: the pointer is valid for the call, which reads `SIZE` bytes.
        let _ = unsafe {
            kernel_call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, set as usize, 0, SIZE])
        };
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(mask), None);
}

/// SIG_DFL, SIG_IGN or a handler.
fn function_of(signal: Signal) -> libc::sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: null means to ask only; `action` is valid for writes. Should the call fail, zeroes are a value of
    // it, and that of the default action.
    unsafe {
        libc::sigaction(signal as libc::c_int, ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}
