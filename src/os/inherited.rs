//! Signal dispositions and the mask of a forked child.
//!
//! In the child, an inherited handler could write to a pipe of the parent's event loop. So signals are blocked from
//! before the fork until the child has reset its dispositions.

use std::io;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::disposition::{Disposition, Kind};

const REQUESTS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

pub(crate) struct BlockedSignals {
    before: SigSet,
    /// `before` without SIGTERM, because SIGTERM must be able to end the child.
    in_child: SigSet,
    alarms: bool,
    reset: [bool; REQUESTS.len()],
}

/// Blocks every signal except SIGALRM, because only `src/runtime` blocks and unblocks SIGALRM.
pub(crate) fn block_all(alarms: bool) -> io::Result<BlockedSignals> {
    let mut wanted = SigSet::all();
    wanted.remove(Signal::SIGALRM);
    let before = wanted.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // In the child, each page that `sigaction` touches would cost a page fault, so the parent reads the dispositions.
    let reset = REQUESTS.map(|signal| {
        Disposition::current_of(signal as libc::c_int).is_ok_and(|current| match current.kind() {
            Kind::Default => false,
            Kind::Ignore => signal == Signal::SIGTERM,
            Kind::Function => true,
        })
    });
    let mut in_child = before;
    in_child.remove(Signal::SIGTERM);
    Ok(BlockedSignals { before, in_child, alarms, reset })
}

impl BlockedSignals {
    pub(crate) fn restore(&self) {
        let _ = self.before.thread_set_mask();
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
        let mut mask = self.in_child;
        if SigSet::thread_get_mask().is_ok_and(|now| now.contains(Signal::SIGALRM)) {
            mask.add(Signal::SIGALRM);
        } else {
            mask.remove(Signal::SIGALRM);
        }
        set_mask(&mask);
    }
}

#[inline]
fn set_mask(mask: &SigSet) {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64"))]
    {
        let set: *const libc::sigset_t = mask.as_ref();
        let arguments = [libc::SIG_SETMASK as usize, set as usize, 0, super::disposition::SET_SIZE];
        // SAFETY: the pointer is valid. The kernel's signal set is a prefix of the C library's, of this size.
        let _ = unsafe { super::kernel_call::kernel_call(libc::SYS_rt_sigprocmask, arguments) };
    }
    #[cfg(not(all(any(target_os = "linux", target_os = "android"), target_pointer_width = "64")))]
    let _ = mask.thread_set_mask();
}
