//! The signals of a forked child: what it must not take over from its parent.
//!
//! A handler of the parent's would run in the child as well, and its pipe to the parent's event loop is the
//! parent's: a SIGTERM for the child would be reported to the parent. So no signal gets through to the child
//! until it has been put right.

use std::io;

use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, pthread_sigmask, sigaction,
};

/// What this thread let in before the time of a fork.
#[derive(Clone, Copy)]
pub(crate) struct Held(SigSet);

/// Shuts out every signal; but not SIGALRM, which the alarms look after themselves.
pub(crate) fn hold() -> io::Result<Held> {
    let mut wanted = SigSet::all();
    wanted.remove(Signal::SIGALRM);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))?;
    Ok(Held(before))
}

impl Held {
    /// Puts the mask back, on the parent's side.
    pub(crate) fn release(self) {
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.0), None);
    }

    /// Puts the mask back on the child's side, where the signals that ask a process to end now do so: without
    /// the parent's handlers, and SIGTERM even if the parent ignored or blocked it. What the parent ignored of
    /// the others (as `nohup` has it) stays ignored.
    pub(crate) fn release_in_child(mut self) {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
            let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
            // SAFETY: the default action runs no code; and what is put back was in force before.
            unsafe {
                if let Ok(before) = sigaction(signal, &default) {
                    if matches!(before.handler(), SigHandler::SigIgn) && signal != Signal::SIGTERM {
                        let _ = sigaction(signal, &before);
                    }
                }
            }
        }
        self.0.remove(Signal::SIGTERM);
        // As the alarms have left it: those of the parent are gone, and have put back what they had changed.
        let mut now = SigSet::empty();
        let _ = pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut now));
        if now.contains(Signal::SIGALRM) {
            self.0.add(Signal::SIGALRM);
        } else {
            self.0.remove(Signal::SIGALRM);
        }
        self.release();
    }
}
