//! What is known of a job, and how more is found out.
//!
//! Nobody waits in here: each step takes what there is and returns, so that the lock around it is held for
//! moments only, and one thread can end a job while another waits for it. Whoever waits polls descriptors that
//! it shares, and that stay open until the last waiter lets go of them.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use nix::sys::signal::Signal;

use super::child::Child;
use super::detached;
use super::error::JobError;
use super::ladder::{Ladder, Step};
use super::wire::{Inbox, LastWords, Letter};
use super::{Exit, Usage};
use crate::error::{Cause, Expiry, Place, TimedOut};
use crate::os::reap::Life;
use crate::os::{clock, pipe};
use crate::time::Time;

/// How much is read before the lock is given up for a moment.
const BUDGET: usize = 8 << 20;

/// No pipe holds more than this for an unprivileged process, or for one that does not insist.
const LAST_READ: usize = 32 << 20;

/// What a job is to keep to, and how it is called.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) began: Time,
    pub(super) limit: Option<Duration>,
    pub(super) label: Option<Arc<str>>,
    pub(super) value_limit: usize,
    /// Where it was spawned.
    pub(super) location: Place,
}

impl Terms {
    /// That a time has run out that no alarm stands for.
    pub(super) fn timed_out(
        &self,
        since: Time,
        limit: Option<Duration>,
        now: Time,
        location: Place,
    ) -> TimedOut {
        TimedOut::new(Expiry {
            alarm: crate::runtime::unused_id(),
            label: self.label.clone(),
            limit,
            elapsed: now.since(since),
            cause: Cause::Deadline,
            location,
        })
    }
}

/// How a job ended: the same for everybody who asks.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// The bytes of the value, which everybody who joins decodes for himself.
    pub(super) outcome: Result<Arc<Vec<u8>>, JobError>,
    pub(super) exit: Exit,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ladder: Ladder,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    Running(Running),
    Ended(End),
    Detached,
}

/// A child that has not been reaped.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) watch: Arc<Watch>,
    pub(super) inbox: Inbox,
    /// Whether something may still come of the pipe.
    pub(super) listening: bool,
}

/// What tells of a child; shared with those who sleep until it does.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) child: Child,
    pub(super) pipe: OwnedFd,
}

/// What a sleeper was woken by, for all that it knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct News {
    pub(super) pipe: bool,
    pub(super) death: bool,
}

impl Running {
    /// Says whether there was more of a value.
    fn drain(&mut self, budget: usize) -> bool {
        if !self.listening {
            return false;
        }
        let before = self.inbox.received();
        let pipe = self.watch.pipe.as_fd();
        if self.inbox.take_in(budget, |buffer, most| pipe::read_onto(pipe, buffer, most)) {
            self.listening = false;
            if self.inbox.is_too_large() {
                let _ = self.watch.child.signal_all(Signal::SIGKILL);
            }
        }
        self.inbox.received() > before
    }

    fn has_ended(&self, news: News) -> io::Result<bool> {
        let child = &self.watch.child;
        Ok(news.death || (child.notice().is_none() && child.look()? != Life::Alive))
    }
}

impl State {
    /// Takes in what has come from the child, does what its limit asks for, and reaps it if it has ended; for somebody
    /// who came to look after it at `came`.
    pub(super) fn advance(&mut self, terms: &Terms, news: News, came: Time) -> io::Result<()> {
        let Stage::Running(running) = &mut self.stage else { return Ok(()) };
        if news.pipe && running.drain(BUDGET) {
            self.ladder.put_off(came, clock::now());
        }
        if running.has_ended(news)? {
            self.finish(terms);
            return Ok(());
        }
        while let Some(step) = self.ladder.climb(clock::now()) {
            let child = &running.watch.child;
            // The child may be gone by now, or may have made itself somebody else's: then there is nothing that
            // could be done.
            let _ = match step {
                Step::Terminate => terminate(child),
                Step::Kill => child.signal_all(Signal::SIGKILL),
            };
        }
        Ok(())
    }

    /// Leaves the child to itself, and to be reaped some time later.
    pub(super) fn let_go(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Detached);
        if let Stage::Running(running) = stage {
            // Nobody else holds it: a waiter would be borrowing the job.
            if let Some(watch) = Arc::into_inner(running.watch) {
                detached::let_go(watch.child);
            }
        }
    }

    /// The child has ended. By its death, and not by the pipe's end: others may hold the pipe, and the child
    /// may have closed it and lived on. What it wrote is in the pipe by now.
    pub(super) fn finish(&mut self, terms: &Terms) {
        let Stage::Running(running) = &mut self.stage else { return };
        let _ = running.drain(LAST_READ);
        let (exit, usage) = running.watch.child.reap();
        let letter = std::mem::replace(&mut running.inbox, Inbox::new(0)).close();
        let outcome = self.outcome(terms, letter, exit);
        self.stage = Stage::Ended(End { outcome, exit, usage });
    }

    fn outcome(&self, terms: &Terms, letter: Letter, exit: Exit) -> Result<Arc<Vec<u8>>, JobError> {
        let received = match letter {
            // Whole is whole, however the child ended after it.
            Letter::Value(bytes) => return Ok(Arc::new(bytes)),
            Letter::LastWords(words) => return Err(last_words(words)),
            Letter::TooLarge => return Err(JobError::TooLarge { limit: terms.value_limit }),
            Letter::Garbled => {
                let message = "the pipe carried what is no frame of a job's".into();
                return Err(JobError::NotDecoded { message });
            }
            Letter::Nothing(received) => received,
        };
        let now = clock::now();
        let late = terms.limit.is_some_and(|limit| now.since(terms.began) >= limit);
        // A program that the child has executed inherits its timer, and that ends it at the limit.
        let by_timer = matches!(exit, Exit::Signal { signal: libc::SIGALRM, .. });
        if self.ladder.climbed() || (late && by_timer) {
            return Err(terms.timed_out(terms.began, terms.limit, now, terms.location.clone()).into());
        }
        Err(match exit {
            _ if received > 0 => JobError::CutShort { received, exit },
            Exit::Code(code) => JobError::Exited { code },
            Exit::Signal { signal, core_dumped } => JobError::Killed { signal, core_dumped },
            Exit::Unknown => JobError::Lost,
        })
    }
}

/// Asks a child to end: SIGTERM, and SIGCONT so that a stopped one hears of it.
pub(super) fn terminate(child: &Child) -> io::Result<()> {
    child.signal_all(Signal::SIGTERM)?;
    child.signal_all(Signal::SIGCONT)
}

fn last_words(words: LastWords) -> JobError {
    match words {
        LastWords::Panicked(panic) => JobError::Panicked(panic),
        LastWords::NotEncoded(message) => JobError::NotEncoded { message },
        LastWords::Fault(call, errno) => JobError::system(&call, io::Error::from_raw_os_error(errno)),
    }
}
