//! A child as its parent holds it: to look at, to signal, to reap.
//!
//! Pids are used again, so each signal goes by a pidfd, or, where there is none, to a pid that is known to be
//! taken because its owner has not been reaped yet.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpgid, setpgid};

use super::{Exit, Usage};
use crate::os::pidfd::PidFd;
use crate::os::reap::{self, Life};

#[derive(Debug)]
pub(super) struct Child {
    pid: Pid,
    pidfd: Option<PidFd>,
    /// Whether it leads a process group of its own.
    leads: bool,
}

impl Child {
    /// Takes charge of a child that has just been forked. Should that fail, it is killed and reaped, with its group.
    ///
    /// Parent and child both found its group, as shells do, for nobody knows which runs first. Were it left to the child,
    /// a signal could miss the group that is not there yet, and then take the child for its leader; and a child that was
    /// let go could still be in the group of a parent that ends, and end with it. If the child was quicker there is nothing
    /// left to do, and if it has ended or executed another program, nothing that can be done. (One that has been so quick
    /// as to leave the group again may be put back.)
    pub(super) fn new(pid: Pid, leads: bool) -> io::Result<Child> {
        if leads {
            let _ = setpgid(pid, pid);
        }
        match PidFd::open(pid) {
            Ok(pidfd) => Ok(Child { pid, pidfd, leads }),
            // It has ended already, and where SIGCHLD is ignored nothing is left of it.
            Err(e) if e.raw_os_error() == Some(libc::ESRCH) => Ok(Child { pid, pidfd: None, leads }),
            Err(e) => {
                let _ = Child { pid, pidfd: None, leads }.signal_all(Signal::SIGKILL);
                // Also if a handler of the program's interrupts it.
                while waitpid(pid, None) == Err(Errno::EINTR) {}
                Err(e)
            }
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// What becomes readable when it ends; `None` where that has to be looked for.
    pub(super) fn notice(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(PidFd::as_fd)
    }

    pub(super) fn look(&self) -> io::Result<Life> {
        reap::look(self.pid, self.pidfd.as_ref())
    }

    /// Signals the child alone. One that has ended is past signals, and that is no error.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let sent = match &self.pidfd {
            Some(pidfd) => pidfd.signal(signal),
            None if self.look()? == Life::Gone => Ok(()),
            None => Signal::try_from(signal).and_then(|signal| kill(self.pid, signal)).map_err(Into::into),
        };
        sent.or_else(past_signals)
    }

    /// Signals the child and, if it leads one, its process group.
    pub(super) fn signal_all(&self, signal: Signal) -> io::Result<()> {
        if !self.leads {
            return self.signal(signal as i32);
        }
        let group = self.signal_group(signal);
        // The child itself may have left the group.
        if getpgid(Some(self.pid)) == Ok(self.pid) { group } else { self.signal(signal as i32) }
    }

    /// Signals what there is of the group that the child was to lead, be it alive or not.
    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        let by_pid = || match self.look()? {
            // The number may have come to mean another group.
            Life::Gone => Ok(()),
            Life::Alive | Life::Ended => killpg(self.pid, signal).map_err(io::Error::from),
        };
        let sent = match &self.pidfd {
            Some(pidfd) => pidfd.signal_group(signal as i32).or_else(|e| match e.raw_os_error() {
                Some(libc::EINVAL) => by_pid(),
                _ => Err(e),
            }),
            None => by_pid(),
        };
        sent.or_else(past_signals)
    }

    /// Ends the rest of the group of a child that has ended, and reaps the child. In this order: once it is
    /// reaped, its number is free for strangers.
    pub(super) fn reap(&self) -> (Exit, Option<Usage>) {
        if self.leads {
            let _ = self.signal_group(Signal::SIGKILL);
        }
        let reaped = reap::reap(self.pid);
        let status = reaped.map(|(status, _)| status);
        let status = status.or_else(|| self.pidfd.as_ref().and_then(PidFd::status));
        (status.map_or(Exit::Unknown, Exit::from_status), reaped.map(|(_, used)| used.into()))
    }
}

fn past_signals(e: io::Error) -> io::Result<()> {
    if e.raw_os_error() == Some(libc::ESRCH) { Ok(()) } else { Err(e) }
}
