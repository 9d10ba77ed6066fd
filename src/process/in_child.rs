//! What the child does, from the fork to `_exit`.
//!
//! Each page of memory or code costs the child a page fault, so this code uses few pages.

use std::io::{self, StderrLock, StdoutLock, Write};
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe, Location};

use nix::libc;
use nix::unistd::Pid;
use serde::Serialize;

use super::builder::Options;
use super::panics;
use super::wire::{ABORT_END, Failure, STACK_BUFFER, Sender};
use crate::os::child_timer::ChildTimer;
use crate::os::forked::{self, exit};
use crate::os::inherited::BlockedSignals;
use crate::os::job_fd::close_all_but;
use crate::os::pipe::WriteEnd;
use crate::os::{c_streams, limits};
use crate::runtime;

const PANICKED: i32 = 101; // as in Rust
const PIPE_CLOSED: i32 = 74;

pub(super) struct InChild {
    this: Pid,
    pipe: WriteEnd,
    c_streams: c_streams::Streams,
    kill_timer: Option<ChildTimer>,
    /// Ends the child when dropped. Otherwise a panic would unwind into the code that called `spawn`.
    _exit: ExitOnDrop,
}

pub(super) struct SetUp<'a> {
    pub(super) options: &'a Options,
    pub(super) parent: Pid,
    pub(super) outputs: &'a [Option<OwnedFd>; 2],
    pub(super) pipe: WriteEnd,
    pub(super) c_streams: c_streams::Streams,
    pub(super) blocked: &'a BlockedSignals,
    pub(super) location: &'static Location<'static>,
    pub(super) may_have_threads: bool,
    pub(super) outer: Option<WriteEnd>,
    /// The spawning thread, if there may be others.
    pub(super) thread: Option<Pid>,
    pub(super) has_alarm: bool,
}

impl SetUp<'_> {
    #[inline]
    pub(super) fn set_up_child(self, streams: Option<(StdoutLock<'_>, StderrLock<'_>)>) -> InChild {
        let _exit = ExitOnDrop;
        let this = forked::this();
        let SetUp { options, parent, pipe, c_streams, .. } = self;
        close_all_but(pipe.number(), parent.as_raw().unsigned_abs());
        if let Some(outer) = self.outer {
            outer.close_in_child();
        }
        if let Err((call, e)) = self.change_process() {
            let _ = Failure::Setup(call.into(), e.raw_os_error().unwrap_or(0)).send(pipe);
            exit(libc::EXIT_FAILURE)
        }
        self.blocked.reset_in_child();
        drop(streams);
        if self.may_have_threads {
            // The parent's hook is not dropped, because its destructor could, for example, delete a file of the parent.
            mem::forget(panics::replace_hook());
        }
        if !self.has_alarm {
            let _ = options.plan(self.location).map(runtime::arm);
        }
        InChild { this, pipe, c_streams, kill_timer: start_kill_timer(options), _exit }
    }

    #[inline]
    fn change_process(&self) -> Result<(), (&'static str, io::Error)> {
        let options = self.options;
        let naming = |call: &'static str| move |e: io::Error| (call, e);
        // This call comes first, because before it the parent's death does not kill the child.
        if options.die_with_parent {
            forked::die_with(self.parent, self.thread).map_err(naming("prctl"))?;
        }
        if !options.foreground {
            forked::lead_group().map_err(naming("setpgid"))?;
        }
        for (stream, to) in [libc::STDOUT_FILENO, libc::STDERR_FILENO].into_iter().zip(self.outputs) {
            if let Some(to) = to {
                forked::redirect(stream, to.as_fd()).map_err(naming("dup2"))?;
            }
        }
        if let Some(time) = options.cpu_limit {
            limits::processor_time(time).map_err(naming("setrlimit"))?;
        }
        if let Some(bytes) = options.memory {
            limits::memory(bytes).map_err(naming("setrlimit"))?;
            limits::report_abort(self.pipe, &ABORT_END);
        }
        Ok(())
    }
}

impl InChild {
    pub(super) fn run<T: Serialize>(self, f: impl FnOnce() -> T) -> ! {
        let InChild { this, pipe, c_streams, .. } = self;
        let mut small = [0; STACK_BUFFER];
        let mut sender = Sender::new(pipe, &mut small, self.kill_timer);
        let sent = panic::catch_unwind(AssertUnwindSafe(|| {
            let value = f();
            // If `f` has forked, its child may return from `f` too, but must not send a value.
            if forked::this() != this {
                exit(libc::EXIT_SUCCESS);
            }
            // If the pipe has no reader, SIGPIPE may end the process during the send. Unflushed output would be lost.
            flush(c_streams);
            let sent = sender.send(&value);
            mem::forget(value);
            sent
        }));
        let code = match sent {
            Ok(Ok(())) => {
                flush(c_streams);
                // `Serialize` may have printed. The last chunk makes the job a success, so it is sent after the flush.
                sender.finish().map_or(PIPE_CLOSED, |()| libc::EXIT_SUCCESS)
            }
            Ok(Err(e)) => {
                sender.stop_timer();
                send_failure(pipe, &Failure::NotEncoded(e.to_string().into()))
                    .map_or(PIPE_CLOSED, |()| libc::EXIT_FAILURE)
            }
            Err(_) if forked::this() != this => PANICKED,
            Err(payload) => {
                sender.stop_timer();
                let _ = send_failure(pipe, &Failure::Panicked(panics::panic_of(payload)));
                PANICKED
            }
        };
        exit(code)
    }
}

struct ExitOnDrop;

impl Drop for ExitOnDrop {
    fn drop(&mut self) {
        exit(PANICKED)
    }
}

pub(super) fn send_failure(pipe: WriteEnd, failure: &Failure) -> io::Result<()> {
    flush(c_streams::Streams::find());
    failure.send(pipe)
}

#[inline]
pub(super) fn flush(c_streams: c_streams::Streams) {
    let _ = panic::catch_unwind(|| io::stdout().flush());
    c_streams.flush();
}

#[inline]
fn start_kill_timer(options: &Options) -> Option<ChildTimer> {
    if options.is_spawned_by_run && options.die_with_parent {
        return None;
    }
    let after = options.kill_after()?;
    ChildTimer::start(libc::SIGKILL, libc::CLOCK_MONOTONIC, after).ok()
}
