//! Installs the library's handler for a signal before the first alarm that needs the signal, and restores the previous
//! disposition after the last.

use std::{io, mem};

use nix::libc::{SIGALRM, c_int};

use super::blocked_threads::is_any_blocked;
use super::previous_handler::{PreviousHandler, previous_of};
use super::shared::SHARED;
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::disposition::{Disposition, Kind};

pub(super) struct Installation {
    signal: c_int,
    is_installed: bool,
    /// The disposition that `install` found, if it was already the library's handler, restored by other code. The drop of the
    /// last alarm restores this disposition, with its mask and flags.
    found_own: Option<Disposition>,
    /// The kernel refused to restore the previous disposition, so the library's handler may still be installed. If the next
    /// `install` finds that handler, no other code has restored it.
    is_left_behind: bool,
    /// The program's handler, if it was installed over the library's. While threads are blocked in system calls, the library's
    /// handler replaces it, because the kernel would restart the calls after a handler with SA_RESTART.
    in_front_of: Option<&'static Disposition>,
    /// No disposition in this list is freed, because a handler may read it at any time.
    kept: Vec<&'static Disposition>,
}

impl Installation {
    pub(super) const fn new(signal: c_int) -> Installation {
        Installation {
            signal,
            is_installed: false,
            found_own: None,
            is_left_behind: false,
            in_front_of: None,
            kept: Vec::new(),
        }
    }

    fn previous(&self) -> &'static PreviousHandler {
        previous_of(self.signal)
    }

    fn current(&self) -> io::Result<Disposition> {
        Disposition::current_of(self.signal)
    }

    fn keep(&mut self, disposition: &Disposition) -> &'static Disposition {
        if let Some(known) = self.kept.iter().find(|&&known| *known == *disposition) {
            return known;
        }
        let new: &'static Disposition = Box::leak(Box::new(*disposition));
        self.kept.push(new);
        new
    }

    pub(super) fn install(&mut self) -> Result<(), ArmError> {
        if self.is_installed {
            return Ok(());
        }
        // The library's handler forwards signals to the previous disposition. So that disposition is published before the handler
        // is installed.
        let _change = self.previous().begin_change();
        let failed = |e| ArmError::system("sigaction", e);
        let found = self.current().map_err(failed)?;
        if !found.is_ours() {
            let found = self.keep(&found);
            self.previous().announce(found);
        }
        self.found_own = Some(found).filter(|found| found.is_ours() && !self.is_left_behind);
        let replaced = self.install_ours().map_err(failed)?;
        // If `replaced` is not `found`, another thread has installed it in between.
        if !replaced.is_ours() && replaced != found {
            self.found_own = None;
            let replaced = self.keep(&replaced);
            self.previous().announce(replaced);
            let _ = self.install_ours();
        }
        self.is_installed = true;
        Ok(())
    }

    fn install_ours(&self) -> io::Result<Disposition> {
        Disposition::ours(self.previous().get(), is_any_blocked()).install_for(self.signal)
    }

    /// Installs the handler again after a signal took the default action and the process survived, as PID 1 does.
    #[cold]
    pub(super) fn reinstall(&mut self) {
        SHARED.must_reinstall.store(false, Ordering::SeqCst);
        if self.is_installed && self.current().is_ok_and(|current| current.kind() == Kind::Default) {
            let _ = self.install_ours();
        }
    }

    /// Restores the previous disposition, unless another handler is installed over the library's. The caller ensures that no
    /// signal of a library timer is pending, because the previous disposition would receive it.
    #[inline]
    pub(super) fn remove(&mut self) {
        if mem::take(&mut self.is_installed) {
            self.in_front_of = None;
            self.is_left_behind = self.restore().is_err();
        }
    }

    fn restore(&mut self) -> io::Result<()> {
        let (own, previous) = (self.found_own.take(), self.previous());
        let current = self.current()?;
        if !current.is_ours() {
            self.stay_under(&current);
            return Ok(());
        }
        let replaced = match (&own, previous.get()) {
            (Some(own), _) => own.install_for(self.signal)?,
            (None, Some(disposition)) => {
                previous.begin_restore();
                disposition.install_for(self.signal)?
            }
            (None, None) => return Err(io::ErrorKind::NotFound.into()),
        };
        if !replaced.is_ours() {
            // Another thread installed `replaced` after `current` was read. The library must not remove it, so it is installed
            // again.
            let _ = replaced.install_for(self.signal);
            self.stay_under(&replaced);
        } else if own.is_none() {
            previous.make_beneath_previous();
        }
        Ok(())
    }

    fn stay_under(&mut self, over: &Disposition) -> &'static Disposition {
        let over = self.keep(over);
        self.previous().stay_under(over);
        over
    }

    /// Makes the signal end blocking system calls with EINTR.
    pub(super) fn begin_interrupting(&mut self) -> Result<(), ArmError> {
        let failed = |e| ArmError::system("sigaction", e);
        let current = self.current().map_err(failed)?;
        if !current.is_ours() {
            if current.kind() != Kind::Function || self.signal != SIGALRM {
                return Ok(());
            }
            let over = self.stay_under(&current);
            self.previous().announce(over);
            self.in_front_of = Some(over);
        } else if current.interrupts() {
            return Ok(());
        }
        self.install_ours().map(drop).map_err(failed)
    }

    pub(super) fn end_interrupting(&mut self) {
        let Ok(current) = self.current() else { return };
        match self.in_front_of.take() {
            // The library installed its handler over `over` without SA_RESTART. If the current handler has SA_RESTART, the
            // program has removed its own handler by restoring an older disposition. So `over` is not installed again.
            Some(over)
                if current.is_ours() && (!current.interrupts() || over.install_for(self.signal).is_ok()) =>
            {
                self.previous().make_beneath_previous();
            }
            None if current.is_ours() => _ = self.install_ours(),
            _ => {}
        }
    }
}
