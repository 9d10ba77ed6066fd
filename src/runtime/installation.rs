//! The library's handler is installed for SIGALRM while alarms need it, and removed after the last.

use std::io;

use super::previous_handler::keep;
use super::shared::SHARED;
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::disposition::{Disposition, Kind, Manner};

/// How the library's handler is installed.
pub(super) struct Installation {
    is_installed: bool,
    /// The library's own handler was in place already, put there by other code: it is left as it was found.
    found_own: Option<Disposition>,
    /// It stays in place, because the kernel refused to put the previous disposition back; the next alarm tries again.
    is_left_behind: bool,
    manner: Manner,
    /// Another handler that was over the library's when a thread began to block. The library's is in front of it for as long as
    /// threads are blocked: under a handler with SA_RESTART no signal would end their system calls.
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

    /// Installs the library's handler, unless it is.
    pub(super) fn install(&mut self, is_any_blocked: bool) -> Result<(), ArmError> {
        if self.is_installed {
            return Ok(());
        }
        // What is in place is published before the library's handler can run, so that each signal is forwarded at once.
        let _change = SHARED.previous.begin_change();
        let failed = |e| ArmError::system("sigaction", e);
        let found = Disposition::current().map_err(failed)?;
        if !found.is_ours() {
            SHARED.previous.announce(keep(&mut self.kept, &found));
        }
        self.found_own = Some(found).filter(|found| found.is_ours() && !self.is_left_behind);
        let replaced = self.install_in_manner(is_any_blocked).map_err(failed)?;
        // Another thread has changed the disposition between these lines: another copy of the library, as a rule.
        if !replaced.is_ours() && !replaced.same_as(&found) {
            self.found_own = None;
            SHARED.previous.announce(keep(&mut self.kept, &replaced));
            let _ = self.install_in_manner(is_any_blocked);
        }
        self.is_installed = true;
        Ok(())
    }

    /// Hands back what was in place.
    fn install_in_manner(&mut self, is_any_blocked: bool) -> io::Result<Disposition> {
        let manner = SHARED.previous.get().map_or(Manner::USUAL, Manner::in_front_of);
        let manner = Manner { restart: manner.restart && !is_any_blocked, ..manner };
        let replaced = Disposition::install_ours(manner)?;
        self.manner = manner;
        Ok(replaced)
    }

    /// Installs the handler again where it has put the default action in its place, and the process has survived it.
    #[cold]
    pub(super) fn reinstall(&mut self, is_any_blocked: bool) {
        SHARED.must_reinstall.store(false, Ordering::SeqCst);
        if self.is_installed && Disposition::current().is_ok_and(|current| current.kind() == Kind::Default) {
            let _ = self.install_in_manner(is_any_blocked);
        }
    }

    /// Puts the previous disposition back, unless another handler has been installed over the library's. No timer of the
    /// library's is set now, and no signal of one is pending.
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

    /// Another thread has installed its handler over the library's at the moment at which that was removed: it is put back, and
    /// stays. Says whether it is so.
    fn let_stay(&mut self, replaced: &Disposition) -> bool {
        let is_over = !replaced.is_ours();
        if is_over {
            let _ = replaced.install();
            SHARED.previous.stay_under(keep(&mut self.kept, replaced));
        }
        is_over
    }

    /// A first thread blocks: from now on signals interrupt system calls.
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

    /// The last blocked thread goes on.
    pub(super) fn end_interrupting(&mut self) {
        let Ok(current) = Disposition::current() else { return };
        match self.in_front_of.take() {
            // Without SA_RESTART it is the one that was installed in front. With it, the other handler has put back what it had
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
