use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::process;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, getpgid, setpgid};
use parking_lot::Mutex;

use super::{Exit, Usage};
use crate::os::pidfd::PidFd;
use crate::os::reap::{self, ChildState, Status};

#[derive(Debug)]
pub(super) struct Child {
    pub(super) pid: Pid,
    pidfd: Option<PidFd>,
    leads: bool,
}

impl Child {
    pub(super) fn new(pid: Pid, parent: Pid, leads: bool) -> Child {
        if leads {
            // The child calls `setpgid` too, but the parent may signal the group before that.
            let _ = setpgid(pid, pid);
        }
        Child { pid, pidfd: PidFd::open(pid, parent), leads }
    }

    pub(super) fn take(&mut self) -> Child {
        Child { pid: self.pid, pidfd: self.pidfd.take(), leads: self.leads }
    }

    pub(super) fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(PidFd::as_fd)
    }

    pub(super) fn state(&self) -> io::Result<ChildState> {
        reap::child_state(self.pid, self.pidfd.as_ref())
    }

    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let sent = match &self.pidfd {
            Some(pidfd) => pidfd.signal(signal, 0),
            None if self.state()? == ChildState::Reaped => Ok(()),
            None => Signal::try_from(signal).and_then(|signal| kill(self.pid, signal)).map_err(Into::into),
        };
        ignore_ended(sent)
    }

    /// Sends SIGCONT after SIGTERM, because a stopped process handles SIGTERM only when it continues.
    pub(super) fn signal_all(&self, signal: Signal) -> io::Result<()> {
        if !self.leads {
            self.signal(signal as i32)?;
        } else {
            let group = self.signal_group(signal);
            if getpgid(Some(self.pid)) == Ok(self.pid) { group } else { self.signal(signal as i32) }?;
        }
        if signal == Signal::SIGTERM { self.signal_all(Signal::SIGCONT) } else { Ok(()) }
    }

    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        let sent = match self.pidfd.as_ref().map(|pidfd| pidfd.signal(signal as i32, PidFd::GROUP)) {
            Some(sent) if !is(&sent, libc::EINVAL) => sent,
            // After the reap, another group may have the pid as its id.
            _ if self.state()? == ChildState::Reaped => Ok(()),
            _ => killpg(self.pid, signal).map_err(Into::into),
        };
        ignore_ended(sent)
    }

    /// Kills the child's group before the reap, because afterwards another group may get this id.
    ///
    /// Returns `None` if the child has not ended, or if a tracer has not released it.
    pub(super) fn reap(&self) -> Option<(Exit, Option<Usage>)> {
        if self.leads {
            let _ = self.signal_group(Signal::SIGKILL);
        }
        match self.reap_alone() {
            ChildState::Ended((status, usage)) => Some((Exit::from_status(status), Some(usage.into()))),
            ChildState::Reaped => {
                let status = self.pidfd.as_ref().and_then(PidFd::status);
                Some((status.map_or(Exit::Unknown, Exit::from_status), None))
            }
            ChildState::Running => None,
        }
    }

    fn reap_alone(&self) -> ChildState<Status> {
        reap::reap(self.pid, self.pidfd.as_ref())
    }
}

/// Each child with its parent's pid, because a forked process inherits the list, but cannot reap its parent's children.
static DETACHED: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

pub(super) fn detach(child: Child) {
    // If another thread held the lock at a fork, the lock stays locked in the forked process. So the wait is limited.
    const LONG: Duration = Duration::from_millis(100);
    if let Some(mut detached) = DETACHED.try_lock_for(LONG) {
        detached.push((process::id(), child));
    }
}

pub(super) fn reap_detached() {
    let Some(mut detached) = DETACHED.try_lock() else { return };
    if !detached.is_empty() {
        let this = process::id();
        detached
            .retain(|(parent, child)| *parent == this && matches!(child.reap_alone(), ChildState::Running));
    }
}

fn is<T>(result: &io::Result<T>, errno: i32) -> bool {
    result.as_ref().is_err_and(|e| e.raw_os_error() == Some(errno))
}

fn ignore_ended(sent: io::Result<()>) -> io::Result<()> {
    if is(&sent, libc::ESRCH) { Ok(()) } else { sent }
}
