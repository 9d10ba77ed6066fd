//! The signals of a forked child: what it must not take over from its parent.
//!
//! A handler of the parent's would run in the child as well, and its pipe to the parent's event loop is the
//! parent's: a SIGTERM for the child would be reported to the parent. So no signal gets through to the child
//! until it has been put right.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};

/// The signals that ask a process to end.
const REQUESTS: [Signal; 4] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT];

/// What this thread let in before the time of a fork, and what the child is to change.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    before: SigSet,
    /// What the child is to let in, if it can be said beforehand.
    in_child: Option<SigSet>,
    /// Which of the [`REQUESTS`] the child puts back to their default action.
    reset: [bool; REQUESTS.len()],
}

/// Shuts out every signal; but not SIGALRM, which the alarms look after themselves. `alarms` says whether this thread
/// has any.
pub(crate) fn hold(alarms: bool) -> io::Result<Held> {
    let mut wanted = SigSet::all();
    wanted.remove(Signal::SIGALRM);
    let mut before = SigSet::empty();
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&wanted), Some(&mut before))?;
    // Asked here and not in the child, where each page that it touches for the first time costs as much as
    // several system calls.
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
    /// Puts the mask back, on the parent's side.
    pub(crate) fn release(self) {
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None);
    }

    /// Puts the mask back on the child's side, where the signals that ask a process to end now do so: without
    /// the parent's handlers, and SIGTERM even if the parent ignored or blocked it. What the parent ignored of
    /// the others (as `nohup` has it) stays ignored.
    pub(crate) fn release_in_child(self) {
        for (signal, reset) in REQUESTS.into_iter().zip(self.reset) {
            if reset {
                // SAFETY: the default action runs no code.
                unsafe { libc::signal(signal as libc::c_int, libc::SIG_DFL) };
            }
        }
        let mask = self.in_child.unwrap_or_else(|| self.after_the_alarms());
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    }

    /// The child's mask, with SIGALRM as the alarms have left it: those of the parent are gone, and have put back
    /// what they had changed.
    fn after_the_alarms(&self) -> SigSet {
        let (mut mask, mut now) = (self.before, SigSet::empty());
        mask.remove(Signal::SIGTERM);
        let _ = pthread_sigmask(SigmaskHow::SIG_BLOCK, None, Some(&mut now));
        if now.contains(Signal::SIGALRM) {
            mask.add(Signal::SIGALRM);
        } else {
            mask.remove(Signal::SIGALRM);
        }
        mask
    }
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
