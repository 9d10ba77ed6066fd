//! Installs the library's handler for SIGALRM before the first alarm, and restores the previous disposition after the last.

use std::io;

use super::previous_handler::keep;
use super::shared::SHARED;
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::disposition::{Disposition, Kind, Manner};

/// How the library's handler is installed.
pub(super) struct Installation {
    is_installed: bool,
    /// The library's handler as it was found in place, put there by other code. It is left so.
    found_own: Option<Disposition>,
    /// The kernel refused to restore the previous disposition. The next alarm tries again.
    is_left_behind: bool,
    manner: Manner,
    /// Another handler that was installed over the library's. The library's handler is in front of it while threads are blocked:
    /// a handler with SA_RESTART would not end their system calls.
    in_front_of: Option<&'static Disposition>,
    kept: Vec<&'static Disposition>,
}

impl Installation {
    pub(super) const fn new() -> Installation {
        Installation {
            is_installed: false,
            found_own: None,
            is_left_behind: false,
            manner: Manner::USUAL,
            in_front_of: None,
            kept: Vec::new(),
        }
    }

    /// Installs the library's handler, if it is not installed.
    pub(super) fn install(&mut self, is_any_blocked: bool) -> Result<(), ArmError> {
        if self.is_installed {
            return Ok(());
        }
        // The previous disposition is published before the library's handler can run, so that each signal is forwarded.
        let _change = SHARED.previous.begin_change();
        let failed = |e| ArmError::system("sigaction", e);
        let found = Disposition::current().map_err(failed)?;
        if !found.is_ours() {
            SHARED.previous.announce(keep(&mut self.kept, &found));
        }
        self.found_own = Some(found).filter(|found| found.is_ours() && !self.is_left_behind);
        let replaced = self.install_in_manner(is_any_blocked).map_err(failed)?;
        // Another thread has changed the disposition between these lines, as another copy of the library does.
        if !replaced.is_ours() && !replaced.same_as(&found) {
            self.found_own = None;
            SHARED.previous.announce(keep(&mut self.kept, &replaced));
            let _ = self.install_in_manner(is_any_blocked);
        }
        self.is_installed = true;
        Ok(())
    }

    /// Returns what was in place.
    fn install_in_manner(&mut self, is_any_blocked: bool) -> io::Result<Disposition> {
        let manner = SHARED.previous.get().map_or(Manner::USUAL, Manner::in_front_of);
        let manner = Manner { restart: manner.restart && !is_any_blocked, ..manner };
        let replaced = Disposition::install_ours(manner)?;
        self.manner = manner;
        Ok(replaced)
    }

    /// Installs the handler again after it took the default action and the process survived, as PID 1 does.
    #[cold]
    pub(super) fn reinstall(&mut self, is_any_blocked: bool) {
        SHARED.must_reinstall.store(false, Ordering::SeqCst);
        if self.is_installed && Disposition::current().is_ok_and(|current| current.kind() == Kind::Default) {
            let _ = self.install_in_manner(is_any_blocked);
        }
    }

    /// Restores the previous disposition, unless another handler is installed over the library's. No timer of the library is set
    /// now, and no signal of one is pending.
    pub(super) fn remove(&mut self) {
        if !self.is_installed {
            return;
        }
        self.is_installed = false;
        self.in_front_of = None;
        let own = self.found_own.take();
        self.is_left_behind = match (Disposition::current(), own, SHARED.previous.get()) {
            (Ok(current), ..) if !current.is_ours() => {
                SHARED.previous.stay_under(keep(&mut self.kept, &current));
                false
            }
            (Ok(_), Some(own), _) => own.install().map(|replaced| self.let_stay(&replaced)).is_err(),
            (Ok(_), None, Some(previous)) => match self.restore(previous) {
                Ok(replaced) if self.let_stay(&replaced) => false,
                Ok(_) => {
                    SHARED.previous.put_back();
                    false
                }
                Err(_) => true,
            },
            _ => true,
        };
    }

    fn restore(&self, previous: &Disposition) -> io::Result<Disposition> {
        SHARED.previous.begin_restore();
        previous.install()
    }

    /// Puts back a handler that another thread installed over the library's in the same moment. Returns whether there was
    /// one.
    fn let_stay(&mut self, replaced: &Disposition) -> bool {
        let is_over = !replaced.is_ours();
        if is_over {
            let _ = replaced.install();
            SHARED.previous.stay_under(keep(&mut self.kept, replaced));
        }
        is_over
    }

    /// From now on signals interrupt system calls: the first thread is about to block.
    pub(super) fn begin_interrupting(&mut self) -> Result<(), ArmError> {
        let failed = |e| ArmError::system("sigaction", e);
        let current = Disposition::current().map_err(failed)?;
        if !current.is_ours() {
            if current.kind() != Kind::Function {
                return Ok(());
            }
            let over = keep(&mut self.kept, &current);
            SHARED.previous.stay_under(over);
            SHARED.previous.announce(over);
            self.in_front_of = Some(over);
        } else if !self.manner.restart {
            return Ok(());
        }
        self.install_in_manner(true).map(drop).map_err(failed)
    }

    /// Undoes [`begin_interrupting`](Installation::begin_interrupting), after the last blocked thread.
    pub(super) fn end_interrupting(&mut self) {
        let Ok(current) = Disposition::current() else { return };
        match self.in_front_of.take() {
            // Without SA_RESTART the library's handler is the one in front. With it, the other handler has restored what it had
            // found, and is gone.
            Some(over) if current.is_ours() && (!current.interrupts() || over.install().is_ok()) => {
                SHARED.previous.put_back();
            }
            None if current.is_ours() => _ = self.install_in_manner(false),
            _ => {}
        }
    }

    /// In a forked child, which inherits the handler and none of the alarms.
    #[inline]
    pub(super) fn start_again(&mut self) {
        if self.is_installed {
            self.remove();
        }
    }
}
