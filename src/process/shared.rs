use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::process;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use parking_lot::Mutex;

use super::builder::Options;
use super::child::Child;
use super::error::JobError;
use super::escalation::Escalation;
use super::state::{End, State, Watch, bit, timed_out};
use super::wire::Receiver;
use crate::error::SourceLocation;
use crate::os::job_fd::JobFd;
use crate::os::reap::ChildState;
use crate::os::{clock, pipe, poll};
use crate::runtime::{self, Waiting};
use crate::time::Time;

const BUDGET: usize = 256 * 1024;

const LARGEST_PIPE: usize = 1 << 20;

const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Shared {
    pub(super) parent: Pid,
    pub(super) pid: Pid,
    pub(super) began: Time,
    pub(super) options: Options,
    pub(super) location: SourceLocation,
    /// It has its own lock, because a thread that reads must not delay a signal that another thread sends.
    pub(super) receiver: Mutex<Receiver>,
    /// Locked before the receiver, if both are locked.
    pub(super) state: Mutex<State>,
    /// A copy of the pidfd, which stays open after the child has been reaped.
    pub(super) end_fd: OnceLock<JobFd>,
}

struct Polled<'a> {
    job: &'a Shared,
    watch: Arc<Watch>,
    listening: bool,
    next: Time,
}

type Fds = [poll::Readable; 2];

pub(super) fn wait_any(
    jobs: &[&Shared],
    deadline: Time,
    since: Time,
    location: &'static Location<'static>,
) -> Result<usize, JobError> {
    if !jobs.iter().all(|job| job.in_parent()) {
        return Err(JobError::NotParent);
    }
    let mut pause = SHORTEST_PAUSE;
    // While this is `Some`, the `poll` ends when another thread rings an alarm of this thread.
    let mut waiting = None;
    loop {
        let mut polled = Vec::with_capacity(jobs.len());
        for (n, job) in jobs.iter().enumerate() {
            let Some(job) = job.polled() else { return Ok(n) };
            polled.push(job);
        }
        let mut fds: Vec<Fds> = polled.iter().map(Polled::fds).collect();
        let mut until = polled.iter().fold(deadline, |until, job| until.min(job.next));
        // The alarm's deadline is read before the check: if it passes between the two, the check fails.
        if let Some(alarm) = runtime::next_here() {
            waiting = waiting.or_else(|| Waiting::begin(None).ok());
            runtime::checkpoint_at(location)?;
            until = until.min(clock::kernel_now().after(clock::until(alarm)));
        }
        if polled.iter().any(|job| job.watch.child.end_fd().is_none()) {
            until = until.min(clock::kernel_now().after(lengthen(&mut pause)));
        }
        poll_until(&mut fds, until).map_err(|e| JobError::system("poll", e))?;
        for (job, fds) in polled.iter().zip(&fds) {
            job.advance(fds, since).map_err(|e| JobError::system("waitid", e))?;
        }
        // The deadline is checked last, because a job that has ended counts even after the deadline.
        let now = if deadline.is_never() { continue } else { clock::kernel_now() };
        if now >= deadline && jobs.iter().all(|job| job.state.lock().watch.is_some()) {
            let label = if let [job] = jobs { job.options.label.clone() } else { None };
            let (limit, elapsed) = (Some(deadline.since(since)), now.since(since));
            return Err(timed_out(label, limit, elapsed, location.into()).into());
        }
    }
}

fn poll_until(fds: &mut [Fds], until: Time) -> io::Result<()> {
    let time = (!until.is_never()).then(|| until.since(clock::kernel_now()));
    poll::wait_any(fds.as_flattened_mut(), time)
}

impl Polled<'_> {
    fn fds(&self) -> Fds {
        let pipe = self.listening.then(|| self.watch.pipe.as_fd());
        [self.watch.child.end_fd(), pipe].map(poll::Readable::new)
    }

    fn advance(&self, [end, pipe]: &Fds, wait_began: Time) -> io::Result<()> {
        let Shared { receiver, state, .. } = self.job;
        let child = &self.watch.child;
        let (mut more, mut must_kill) = (false, false);
        if pipe.is_ready() {
            let mut receiver = receiver.lock();
            let before = receiver.received();
            self.receive(&mut receiver, BUDGET);
            (more, must_kill) = (receiver.received() > before, receiver.must_kill());
        }
        let mut state = state.lock();
        if state.watch.is_none() {
            return Ok(());
        }
        if end.is_ready() || (child.end_fd().is_none() && child.state()? != ChildState::Running) {
            self.finish(&mut state);
            return Ok(());
        }
        if must_kill {
            let _ = child.signal_all(Signal::SIGKILL);
        }
        if state.escalation.next.is_never() {
            return Ok(());
        }
        let now = clock::kernel_now();
        if more {
            state.escalation.postpone(wait_began, now);
        }
        while let Some(signal) = state.escalation.take(now) {
            let _ = child.signal_all(signal);
        }
        Ok(())
    }

    fn finish(&self, state: &mut State) {
        let mut receiver = std::mem::take(&mut *self.job.receiver.lock());
        if receiver.open {
            // Reads only the bytes that are in the pipe now, because a grandchild may write for ever.
            self.receive(&mut receiver, pipe::bytes_in(self.watch.pipe.as_fd()).min(LARGEST_PIPE));
        }
        let (exit, usage) = self.watch.child.reap();
        let outcome = state.outcome(self.job, receiver.finish(), exit, usage);
        (state.watch, state.end) = (None, Some(End { outcome, exit, usage }));
    }

    fn receive(&self, receiver: &mut Receiver, budget: usize) {
        receiver.read(budget, |buffer, most| pipe::read_onto(self.watch.pipe.as_fd(), buffer, most));
    }
}

impl Shared {
    pub(super) fn new(options: Options, began: Time, location: &'static Location<'static>) -> Box<Shared> {
        let deadline = options.limit.map_or(Time::NEVER, |limit| began.after(limit));
        Box::new(Shared {
            parent: Pid::this(),
            pid: Pid::from_raw(0),
            receiver: Mutex::new(Receiver::new(options.value_limit)),
            state: Mutex::new(State {
                escalation: Escalation::new(deadline, options.grace),
                watch: None,
                end: None,
                sent: 0,
            }),
            began,
            options,
            location: location.into(),
            end_fd: OnceLock::new(),
        })
    }

    pub(super) fn begin(&mut self, child: Child, pipe: JobFd) {
        self.pid = child.pid;
        self.state.get_mut().watch = Some(Arc::new(Watch { child, pipe }));
    }

    pub(super) fn in_parent(&self) -> bool {
        process::id() == self.parent.as_raw().unsigned_abs()
    }

    fn polled(&self) -> Option<Polled<'_>> {
        let listening = self.receiver.lock().open;
        let state = self.state.lock();
        Some(Polled { job: self, watch: state.watch.clone()?, listening, next: state.escalation.next })
    }

    pub(super) fn end(&self) -> Option<End> {
        self.state.lock().end.clone()
    }

    pub(super) fn poll_end(&self) -> Option<End> {
        if !self.in_parent() {
            return None;
        }
        if let Some(polled) = self.polled() {
            let mut fds = [polled.fds()];
            if poll_until(&mut fds, Time::from_nanos(0)).is_ok() {
                let _ = polled.advance(&fds[0], clock::kernel_now());
            }
        }
        self.end()
    }

    /// While `state` is locked, no other thread reaps the child, which would free its pid.
    pub(super) fn signal(&self, signal: i32, send: impl FnOnce(&Child) -> io::Result<()>) -> io::Result<()> {
        if !self.in_parent() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, JobError::NotParent));
        }
        let mut state = self.state.lock();
        if let Some(watch) = &state.watch {
            send(&watch.child)?;
            state.sent |= bit(signal);
        }
        Ok(())
    }

    pub(super) fn end_fd(&self) -> Option<BorrowedFd<'_>> {
        if !self.in_parent() {
            return None;
        }
        if self.end_fd.get().is_none() {
            if let Some(watch) = &self.state.lock().watch {
                let copy = watch.child.end_fd().and_then(|fd| fd.try_clone_to_owned().ok());
                let _ = copy.map(|fd| self.end_fd.set(JobFd::new(fd, process::id())));
            }
        }
        self.end_fd.get().map(AsFd::as_fd)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.in_parent() {
            return;
        }
        let state = self.state.get_mut();
        let Some(watch) = &state.watch else { return };
        let child = &watch.child;
        // If the child has changed its user, the kernel refuses the kill, and a wait could last for ever.
        if child.signal_all(Signal::SIGKILL).is_err() && matches!(child.state(), Ok(ChildState::Running)) {
            state.detach();
            return;
        }
        let mut pause = SHORTEST_PAUSE;
        while matches!(child.state(), Ok(ChildState::Running)) {
            let time = child.end_fd().is_none().then(|| lengthen(&mut pause));
            let _ = poll::wait_any(&mut [poll::Readable::new(child.end_fd())], time);
        }
        child.reap();
    }
}

fn lengthen(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = (2 * now).min(LONGEST_PAUSE);
    now
}
