use std::os::fd::AsFd;
use std::panic::Location;
use std::sync::OnceLock;
use std::time::Duration;
use std::{io, mem, process, thread};

use nix::libc::{self, pollfd};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use parking_lot::Mutex;

use super::builder::Options;
use super::child::{self, Child};
use super::error::JobError;
use super::wire::{Received, Receiver};
use super::{Exit, KillReason, Usage};
use crate::os::job_fd::JobFd;
use crate::os::reap::ChildState;
use crate::os::{clock, poll};
use crate::runtime::{self, Waiting};
use crate::time::Time;

/// How many bytes a wait receives from a job before it looks at the others, and at the time.
const BUDGET: usize = 256 * 1024;

const LARGEST_PIPE: usize = 1 << 20;

const SHORTEST_PAUSE: Duration = Duration::from_micros(500);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

pub(super) struct Shared {
    pub(super) parent: Pid,
    pub(super) child: Child,
    pipe: Option<JobFd>,
    began: Time,
    deadline: Time,
    pub(super) options: Options,
    location: &'static Location<'static>,
    /// This lock also guards the reap of the child.
    state: Mutex<State>,
    pub(super) end: OnceLock<End>,
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Result<Vec<u8>, JobError>,
    pub(super) exit: Exit,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug)]
struct State {
    receiver: Receiver,
    /// Whether bytes have arrived since the last look at the limit.
    has_received: bool,
    /// SIGTERM follows the limit after one grace, and SIGKILL follows SIGTERM after one grace.
    next_signal: Time,
    sent_sigterm: bool,
    /// The signals that the program has sent to the job, one bit each.
    sent_signals: u64,
}

pub(super) type Fds = [pollfd; 2];

pub(super) fn wait_any(
    jobs: &[&Shared],
    fds: &mut [Fds],
    limit: Duration,
    location: &'static Location<'static>,
) -> Result<usize, JobError> {
    if !jobs.iter().all(|job| job.in_parent()) {
        return Err(JobError::NotParent);
    }
    let is_limited = limit < Duration::MAX || jobs.iter().any(|job| job.options.limit.is_some());
    let since = if is_limited { clock::kernel_now() } else { Time::from_nanos(0) };
    let (deadline, mut now) = (since.after(limit), since);
    let mut pause = SHORTEST_PAUSE;
    // While `waiting` is `Some`, `poll` ends (EINTR) when another thread rings an alarm of this thread.
    let mut waiting = None;
    loop {
        let mut until = deadline;
        for (job, fds) in jobs.iter().zip(&mut *fds) {
            let state = job.state.lock();
            *fds = job.fds(&state);
            until = until.min(state.next_signal);
        }
        // The other jobs are served even beside an ended one.
        let has_ended = jobs.iter().any(|job| job.end.get().is_some());
        // The alarm's deadline is read before the check, so that the check fails if the deadline passes in between.
        if let Some(alarm) = runtime::next_here().filter(|_| !has_ended) {
            waiting = waiting.or_else(|| Waiting::begin(None).ok());
            runtime::checkpoint_at(location)?;
            now = clock::kernel_now();
            until = until.min(now.after(clock::until(alarm)));
        }
        if jobs.iter().any(|job| job.child.end_fd().is_none()) {
            now = clock::kernel_now();
            until = until.min(now.after(lengthen(&mut pause)));
        }
        let time = (!until.is_never()).then(|| until.since(now));
        let time = if has_ended { Some(Duration::ZERO) } else { time };
        poll::wait_any(fds.as_flattened_mut(), time).map_err(|e| JobError::system("poll", e))?;
        for (job, fds) in jobs.iter().zip(&*fds) {
            job.receive_and_reap(fds).map_err(|e| JobError::system("waitid", e))?;
        }
        if is_limited && jobs.iter().any(|job| job.end.get().is_none()) {
            now = clock::kernel_now();
            jobs.iter().zip(&*fds).for_each(|(job, fds)| job.send_due_signals(fds, since, now));
        }
        if let Some(ended) = jobs.iter().position(|job| job.end.get().is_some()) {
            return Ok(ended);
        }
        // A tracer holds an ended child, so `poll` would return at once.
        if fds.iter().any(|[end, _]| end.revents != 0) {
            thread::sleep(SHORTEST_PAUSE);
        }
        if now >= deadline {
            let label = if let [job] = jobs { job.options.label.clone() } else { None };
            let (limit, elapsed) = (Some(deadline.since(since)), now.since(since));
            return Err(runtime::timed_out(label, limit, elapsed, location).into());
        }
    }
}

impl Shared {
    /// Not inlined, because a larger stack frame of `spawn` could cost the child a page fault.
    #[inline(never)]
    pub(super) fn new(
        child: Child,
        (pipe, mark): (JobFd, u64),
        options: Options,
        (parent, began): (Pid, Time),
        location: &'static Location<'static>,
    ) -> Box<Shared> {
        let deadline = options.limit.map_or(Time::NEVER, |limit| began.after(limit));
        Box::new(Shared {
            parent,
            child,
            pipe: Some(pipe),
            state: Mutex::new(State {
                receiver: Receiver::new(mark, options.value_limit),
                has_received: false,
                next_signal: deadline.after(options.grace),
                sent_sigterm: false,
                sent_signals: 0,
            }),
            deadline,
            began,
            options,
            location,
            end: OnceLock::new(),
        })
    }

    pub(super) fn in_parent(&self) -> bool {
        process::id() == self.parent.as_raw().unsigned_abs()
    }

    fn fds(&self, state: &State) -> Fds {
        let pipe = self.pipe.as_ref().filter(|_| state.receiver.open).map(AsFd::as_fd);
        [self.child.end_fd(), pipe].map(poll::readable)
    }

    fn receive_and_reap(&self, [end, pipe]: &Fds) -> io::Result<()> {
        let mut state = self.state.lock();
        if self.end.get().is_some() {
            return Ok(());
        }
        if pipe.revents != 0 {
            let before = state.receiver.received();
            self.receive(&mut state.receiver, BUDGET);
            state.has_received |= state.receiver.received() > before;
        }
        let child = &self.child;
        if end.revents != 0 || (child.end_fd().is_none() && child.state()? != ChildState::Running) {
            self.finish(&mut state);
        } else if state.receiver.must_kill() {
            let _ = child.signal_all(Signal::SIGKILL);
        }
        Ok(())
    }

    fn send_due_signals(&self, [end, _]: &Fds, wait_began: Time, now: Time) {
        let mut state = self.state.lock();
        // The child may have ended before the limit, and a tracer holds it.
        if self.end.get().is_some() || end.revents != 0 {
            return;
        }
        let grace = self.options.grace;
        let is_first = state.next_signal == self.deadline.after(grace);
        // A full pipe may have blocked the child until this wait. So SIGTERM is delayed, once.
        if mem::take(&mut state.has_received) && is_first && wait_began >= self.deadline {
            state.next_signal = now.after(grace);
        }
        while now >= state.next_signal {
            let is_first = !mem::replace(&mut state.sent_sigterm, true);
            state.next_signal = if is_first { now.after(grace) } else { Time::NEVER };
            let _ = self.child.signal_all(if is_first { Signal::SIGTERM } else { Signal::SIGKILL });
        }
    }

    fn finish(&self, state: &mut State) {
        let Some((exit, usage)) = self.child.reap() else { return };
        let mut receiver = mem::take(&mut state.receiver);
        // Reads no more than the pipe can hold, because a grandchild may write to it for ever.
        self.receive(&mut receiver, LARGEST_PIPE);
        let outcome = self.outcome(state, receiver.finish(), exit, usage);
        let _ = self.end.set(End { outcome, exit, usage });
    }

    fn outcome(
        &self,
        state: &State,
        received: Received,
        exit: Exit,
        usage: Option<Usage>,
    ) -> Result<Vec<u8>, JobError> {
        let (received, out_of_memory) = match received {
            Received::Value(bytes) => return Ok(bytes),
            Received::Error(e) => return Err(e),
            Received::AbortedWithoutMemory => (0, true),
            Received::Incomplete(received) => (received as u64, false),
        };
        let limit = self.options.cpu_limit;
        // RLIMIT_CPU sends SIGKILL to a child that survives SIGXCPU, so SIGKILL may mean `CpuTime`.
        let used_up = limit.zip(usage).is_some_and(|(limit, used)| used.user + used.system >= limit);
        let elapsed = clock::kernel_now().since(self.began);
        // After an `exec` the child's alarm still has its timer but no handler, so SIGALRM ends the process.
        let by_timer = self.options.limit.is_some_and(|limit| match exit {
            Exit::Signal { signal: libc::SIGALRM, .. } => elapsed >= limit,
            Exit::Signal { signal: libc::SIGKILL, .. } if state.sent_signals & bit(libc::SIGKILL) == 0 => {
                self.options.kill_after().is_some_and(|time| elapsed >= time)
            }
            _ => false,
        });
        if state.sent_sigterm || by_timer {
            let Options { label, limit, .. } = &self.options;
            return Err(runtime::timed_out(label.clone(), *limit, elapsed, self.location).into());
        }
        Err(match exit {
            _ if received > 0 => JobError::CutShort { received, exit },
            Exit::Code(code) => JobError::Exited { code },
            Exit::Signal { signal, core_dumped } => {
                let reason = match signal {
                    _ if out_of_memory => KillReason::Memory,
                    _ if state.sent_signals & bit(signal) != 0 => KillReason::Requested,
                    libc::SIGXCPU if limit.is_some() => KillReason::CpuTime,
                    libc::SIGKILL if used_up => KillReason::CpuTime,
                    _ => KillReason::Unknown,
                };
                JobError::Killed { signal, core_dumped, reason }
            }
            Exit::Unknown => JobError::Lost,
        })
    }

    fn receive(&self, receiver: &mut Receiver, budget: usize) {
        if let Some(pipe) = &self.pipe {
            receiver.read(pipe.as_fd(), budget);
        }
    }

    pub(super) fn poll_end(&self) -> Option<&End> {
        if !self.in_parent() {
            return None;
        }
        if self.end.get().is_none() {
            let mut fds = [self.fds(&self.state.lock())];
            if poll::wait_any(fds.as_flattened_mut(), Some(Duration::ZERO)).is_ok() {
                let _ = self.receive_and_reap(&fds[0]);
            }
            if self.options.limit.is_some() {
                let now = clock::kernel_now();
                self.send_due_signals(&fds[0], now, now);
            }
        }
        self.end.get()
    }

    /// Locks `state` during the send, so that no other thread reaps the child and frees its pid.
    pub(super) fn signal(&self, signal: i32, send: impl FnOnce(&Child) -> io::Result<()>) -> io::Result<()> {
        if !self.in_parent() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, JobError::NotParent));
        }
        let mut state = self.state.lock();
        // A signal to a child that has ended is no reason for its end.
        if self.end.get().is_none() && self.child.state()? == ChildState::Running {
            send(&self.child)?;
            state.sent_signals |= bit(signal);
        }
        Ok(())
    }

    pub(super) fn detach(&mut self) {
        if self.end.get().is_none() && self.pipe.take().is_some() {
            child::detach(self.child.take());
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if self.end.get().is_some() || self.pipe.is_none() || !self.in_parent() {
            return;
        }
        let child = &self.child;
        // If the child runs as another user, the kernel refuses the SIGKILL, and the wait below could last for ever.
        if child.signal_all(Signal::SIGKILL).is_err() && matches!(child.state(), Ok(ChildState::Running)) {
            return self.detach();
        }
        let mut pause = SHORTEST_PAUSE;
        if let Some(end) = child.end_fd() {
            let _ = poll::wait_any(&mut [poll::readable(Some(end))], None);
        }
        // The child may run on without a pidfd, after a signal to this thread, or beside a tracer, which holds it.
        while child.reap().is_none() {
            thread::sleep(lengthen(&mut pause));
        }
    }
}

fn lengthen(pause: &mut Duration) -> Duration {
    let now = *pause;
    *pause = (2 * now).min(LONGEST_PAUSE);
    now
}

fn bit(signal: i32) -> u64 {
    u32::try_from(signal).ok().and_then(|signal| 1_u64.checked_shl(signal.checked_sub(1)?)).unwrap_or(0)
}
