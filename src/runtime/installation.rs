//! Installs the library's handler for a signal before the first alarm that needs it, and restores the previous disposition after
//! the last.

use std::{io, mem};

use nix::libc::{SIGALRM, c_int};

use super::previous_handler::{PreviousHandler, previous_of};
use super::shared::SHARED;
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::disposition::{Disposition, Kind, Manner};

pub(super) struct Installation {
    signal: c_int,
    is_installed: bool,
    /// The library's handler as it was found in place, put there by other code. It is left so.
    found_own: Option<Disposition>,
    /// The kernel refused to restore the previous disposition. The next alarm tries again.
    is_left_behind: bool,
    manner: Manner,
    /// Another handler that was installed over the library's. The library's handler is in front of it while threads are blocked:
    /// a handler with SA_RESTART would not end their system calls.
    in_front_of: Option<&'static Disposition>,
    /// Each distinct disposition that was found, so that the handler may read it at any time. A program has one or two.
    kept: Vec<&'static Disposition>,
}

impl Installation {
    pub(super) const fn new(signal: c_int) -> Installation {
        Installation {
            signal,
            is_installed: false,
            found_own: None,
            is_left_behind: false,
            manner: Manner::USUAL,
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
        if let Some(known) = self.kept.iter().find(|known| known.same_as(disposition)) {
            return known;
        }
        let new: &'static Disposition = Box::leak(Box::new(*disposition));
        self.kept.push(new);
        new
    }

    pub(super) fn install(&mut self, is_any_blocked: bool) -> Result<(), ArmError> {
        if self.is_installed {
            return Ok(());
        }
        // The previous disposition is published before the library's handler can run, so that each signal is forwarded.
        let _change = self.previous().begin_change();
        let failed = |e| ArmError::system("sigaction", e);
        let found = self.current().map_err(failed)?;
        if !found.is_ours() {
            let found = self.keep(&found);
            self.previous().announce(found);
        }
        self.found_own = Some(found).filter(|found| found.is_ours() && !self.is_left_behind);
        let replaced = self.install_in_manner(is_any_blocked).map_err(failed)?;
        // Another thread, perhaps in another copy of the library, changed the disposition after `found` was read.
        if !replaced.is_ours() && !replaced.same_as(&found) {
            self.found_own = None;
            let replaced = self.keep(&replaced);
            self.previous().announce(replaced);
            let _ = self.install_in_manner(is_any_blocked);
        }
        self.is_installed = true;
        Ok(())
    }

    fn install_in_manner(&mut self, is_any_blocked: bool) -> io::Result<Disposition> {
        let manner = self.previous().get().map_or(Manner::USUAL, Manner::in_front_of);
        let manner = Manner { restart: manner.restart && !is_any_blocked, ..manner };
        let replaced = Disposition::install_ours_for(self.signal, manner)?;
        self.manner = manner;
        Ok(replaced)
    }

    /// Installs the handler again after it took the default action and the process survived, as PID 1 does.
    #[cold]
    pub(super) fn reinstall(&mut self, is_any_blocked: bool) {
        SHARED.must_reinstall.store(false, Ordering::SeqCst);
        if self.is_installed && self.current().is_ok_and(|current| current.kind() == Kind::Default) {
            let _ = self.install_in_manner(is_any_blocked);
        }
    }

    /// Restores the previous disposition, unless another handler is installed over the library's. No timer of the library is set
    /// now, and no signal of one is pending.
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
            // Another thread installed this handler over the library's in the same moment.
            let _ = replaced.install_for(self.signal);
            self.stay_under(&replaced);
        } else if own.is_none() {
            previous.put_back();
        }
        Ok(())
    }

    fn stay_under(&mut self, over: &Disposition) -> &'static Disposition {
        let over = self.keep(over);
        self.previous().stay_under(over);
        over
    }

    /// Has signals interrupt system calls from now on: the first thread is about to block.
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
        } else if !self.manner.restart {
            return Ok(());
        }
        self.install_in_manner(true).map(drop).map_err(failed)
    }

    /// Undoes [`begin_interrupting`](Installation::begin_interrupting), after the last blocked thread.
    pub(super) fn end_interrupting(&mut self) {
        let Ok(current) = self.current() else { return };
        match self.in_front_of.take() {
            // Without SA_RESTART the library's handler is the one in front. With it, the other handler has restored what it had
            // found, and is gone.
            Some(over)
                if current.is_ours() && (!current.interrupts() || over.install_for(self.signal).is_ok()) =>
            {
                self.previous().put_back();
            }
            None if current.is_ours() => _ = self.install_in_manner(false),
            _ => {}
        }
    }
}
