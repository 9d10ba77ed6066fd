//! Signal dispositions and the mask of a forked child.
//!
//! In the child, an inherited handler could write to a pipe of the parent's event loop. So signals are blocked from
//! before the fork until the child has reset its dispositions.

use std::{array, io};

use nix::libc;
use nix::sys::signal::{SigSet, Signal};

use super::disposition::{Disposition, Kind, Signals, signals};
use super::mask;

const REQUESTS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

pub(crate) struct BlockedSignals {
    before: libc::sigset_t,
    /// The signals that this module has blocked, and SIGTERM, because SIGTERM must be able to end the child.
    unblocked_in_child: Signals,
    reset: [bool; REQUESTS.len()],
}

/// Blocks every signal except SIGALRM, because only `src/runtime` blocks and unblocks SIGALRM.
pub(crate) fn block_all() -> io::Result<BlockedSignals> {
    let mut all = SigSet::all();
    all.remove(Signal::SIGALRM);
    let before = mask::change(libc::SIG_BLOCK, Some(all.as_ref()))?;
    let [all, sigterm] = [all, SigSet::from(Signal::SIGTERM)].map(|set| signals(set.as_ref()));
    let kept = signals(&before);
    let unblocked_in_child = array::from_fn(|at| all[at] & !kept[at] | sigterm[at]);
    // In the child, each page that `sigaction` touches would cost a page fault, so the parent reads the dispositions.
    let reset = REQUESTS.map(|signal| {
        Disposition::current_of(signal as libc::c_int).is_ok_and(|current| match current.kind() {
            Kind::Default => false,
            Kind::Ignore => signal == Signal::SIGTERM,
            Kind::Function => true,
        })
    });
    Ok(BlockedSignals { before, unblocked_in_child, reset })
}

impl BlockedSignals {
    pub(crate) fn restore(&self) {
        let _ = mask::change(libc::SIG_SETMASK, Some(&self.before));
    }

    #[inline]
    pub(crate) fn reset_in_child(&self) {
        for (signal, reset) in REQUESTS.into_iter().zip(self.reset) {
            if reset {
                // SAFETY: the default action runs no code.
                unsafe { libc::signal(signal as libc::c_int, libc::SIG_DFL) };
            }
        }
        #[cfg(target_os = "linux")]
        {
            let set = &self.unblocked_in_child;
            let arguments = [libc::SIG_UNBLOCK as usize, set.as_ptr() as usize, 0, set.len()];
            // SAFETY: the pointer is valid, and the kernel reads as many bytes.
            let _ = unsafe { super::kernel_call::kernel_call(libc::SYS_rt_sigprocmask, arguments) };
        }
        #[cfg(not(target_os = "linux"))]
        let _ = mask::change(libc::SIG_UNBLOCK, Some(&super::disposition::set(self.unblocked_in_child)));
    }
}
