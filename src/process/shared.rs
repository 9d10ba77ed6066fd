//! All of a job but the type of its value: waiting for it, reaching it, and what happens when it is dropped.

use std::io;
use std::os::fd::AsFd;
use std::panic::Location;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use parking_lot::Mutex;

use super::child::Child;
use super::error::JobError;
use super::state::{End, News, Stage, State, Terms, Watch};
use crate::os::reap::Life;
use crate::os::{clock, poll};
use crate::runtime::{self, Waiting};
use crate::time::Time;

pub(super) struct Shared {
    pub(super) parent: Pid,
    pub(super) pid: Pid,
    pub(super) terms: Terms,
    pub(super) state: Mutex<State>,
}

/// What a job that has not ended has to sleep on.
struct Vigil {
    watch: Arc<Watch>,
    listening: bool,
    /// When the ladder has something to do.
    next: Time,
}

impl Shared {
    pub(super) fn is_ours(&self) -> bool {
        process::id() == self.parent.as_raw().unsigned_abs()
    }

    /// Waits for the end of the job, until `deadline`, or until an alarm of this thread expires.
    pub(super) fn wait(
        &self,
        deadline: Time,
        since: Option<Time>,
        location: &'static Location<'static>,
    ) -> Result<End, JobError> {
        if !self.is_ours() {
            return Err(JobError::NotParent);
        }
        let came = clock::now();
        let mut nap = Nap::new();
        // While an alarm of this thread may be rung by another.
        let mut waiting = None;
        loop {
            let vigil = match self.vigil() {
                Ok(vigil) => vigil,
                Err(end) => return Ok(*end),
            };
            // Looked up first, asked afterwards: an alarm that falls due in between is found expired.
            let alarm = runtime::next_here();
            if alarm.is_some() {
                // Refused, nobody can wake this thread early; it still wakes for every deadline.
                waiting = waiting.or_else(|| Waiting::begin(None).ok());
                crate::checkpoint::checkpoint_at(location)?;
            }
            let mut until = deadline.min(vigil.next).min(alarm.unwrap_or(Time::NEVER));
            if vigil.watch.child.notice().is_none() {
                until = until.min(clock::now().after(nap.next()));
            }
            let news = vigil.sleep(until).map_err(|e| JobError::system("poll", e))?;
            self.advance(news, came).map_err(|e| JobError::system("waitid", e))?;
            // The end is looked for before the time: a job that has ended is never late.
            let now = clock::now();
            if now >= deadline && self.is_running() {
                let since = since.unwrap_or(now);
                let limit = Some(deadline.since(since));
                return Err(self.terms.timed_out(since, limit, now, location.into()).into());
            }
        }
    }

    /// What to sleep on, or the end.
    fn vigil(&self) -> Result<Vigil, Box<End>> {
        let state = self.state.lock();
        match &state.stage {
            Stage::Running(running) => Ok(Vigil {
                watch: running.watch.clone(),
                listening: running.listening,
                next: state.ladder.next(),
            }),
            Stage::Ended(end) => Err(Box::new(end.clone())),
            // `detach` takes the job by value, so that nobody is left to come here.
            Stage::Detached => unreachable!("a detached job is joined"),
        }
    }

    fn advance(&self, news: News, came: Time) -> io::Result<()> {
        self.state.lock().advance(&self.terms, news, came)
    }

    fn is_running(&self) -> bool {
        matches!(self.state.lock().stage, Stage::Running(_))
    }

    /// How it ended, if it has. Looks for itself.
    pub(super) fn end(&self) -> Option<End> {
        if !self.is_ours() {
            return None;
        }
        if let Ok(vigil) = self.vigil() {
            if let Ok(news) = vigil.sleep(Time::from_nanos(0)) {
                let _ = self.advance(news, clock::now());
            }
        }
        match &self.state.lock().stage {
            Stage::Ended(end) => Some(end.clone()),
            Stage::Running(_) | Stage::Detached => None,
        }
    }

    /// Does something to the child, if it has not ended.
    ///
    /// Under the lock, so that nobody reaps the child meanwhile and its pid stays its own.
    pub(super) fn reach(&self, act: impl FnOnce(&Child) -> io::Result<()>) -> io::Result<()> {
        if !self.is_ours() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, JobError::NotParent));
        }
        match &self.state.lock().stage {
            Stage::Running(running) => act(&running.watch.child),
            Stage::Ended(_) | Stage::Detached => Ok(()),
        }
    }
}

impl Vigil {
    /// Sleeps until something happens, or until `until`.
    fn sleep(&self, until: Time) -> io::Result<News> {
        let Watch { child, pipe } = &*self.watch;
        let pipe = self.listening.then(|| pipe.as_fd());
        let time = (!until.is_never()).then(|| clock::until(until));
        let (death, pipe) = poll::wait_either(child.notice(), pipe, time)?;
        Ok(News { pipe, death })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let state = self.state.get_mut();
        if let Stage::Running(running) = &state.stage {
            let child = &running.watch.child;
            // It has become somebody else's, whom this process may not kill, and may take as long as it likes.
            if child.signal_all(Signal::SIGKILL).is_err() && matches!(child.look(), Ok(Life::Alive)) {
                state.let_go();
                return;
            }
            let mut nap = Nap::new();
            while matches!(child.look(), Ok(Life::Alive)) {
                let time = child.notice().is_none().then(|| nap.next());
                let _ = poll::wait_either(child.notice(), None, time);
            }
            state.finish(&self.terms);
        }
    }
}

/// How long to sleep where the kernel gives no notice of a child's end: short at first, for a short job, and soon as
/// long as nobody minds.
struct Nap(Duration);

impl Nap {
    fn new() -> Nap {
        Nap(Duration::from_micros(500))
    }

    fn next(&mut self) -> Duration {
        let nap = self.0;
        self.0 = (nap * 2).min(Duration::from_millis(20));
        nap
    }
}
