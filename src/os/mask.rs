//! The calling thread's signal mask, as far as SIGALRM goes.
//!
//! See [pthread_sigmask(3)](https://man7.org/linux/man-pages/man3/pthread_sigmask.3.html).

use std::io;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

fn change(how: SigmaskHow) -> io::Result<bool> {
    let mut only = SigSet::empty();
    only.add(Signal::SIGALRM);
    let mut before = SigSet::empty();
    pthread_sigmask(how, Some(&only), Some(&mut before))?;
    Ok(before.contains(Signal::SIGALRM))
}

/// Lets SIGALRM in on this thread; says whether it was blocked.
pub(crate) fn unblock_alarm() -> io::Result<bool> {
    change(SigmaskHow::SIG_UNBLOCK)
}

/// Keeps SIGALRM out of this thread; says whether it was blocked already.
pub(crate) fn block_alarm() -> io::Result<bool> {
    change(SigmaskHow::SIG_BLOCK)
}
