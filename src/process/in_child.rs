//! What the child does, from the fork to `_exit`.
//!
//! Each page of memory or code costs the child a page fault, so this code uses few pages.

use std::io::{self, Write};
use std::mem;
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};

use nix::libc;
use nix::unistd::{Pid, dup2_stderr, dup2_stdout};
use serde::Serialize;

use super::builder::Options;
use super::panics;
use super::wire::{Failure, STACK_BUFFER, Sender, Tail};
use crate::os::child_timer::ChildTimer;
use crate::os::forked::{self, exit};
use crate::os::pipe::WriteEnd;
use crate::os::posix_timer::ThreadId;
use crate::os::{c_streams, limits};

const PANICKED: i32 = 101; // as in Rust
const PIPE_CLOSED: i32 = 74;

pub(super) struct InChild {
    this: Pid,
    pipe: WriteEnd,
    kill_timer: Option<ChildTimer>,
    _exit: ExitOnDrop,
}

#[inline]
pub(super) fn change_process(
    options: &Options,
    parent: Pid,
    thread: Option<ThreadId>,
    outputs: &[Option<OwnedFd>; 2],
    pipe: WriteEnd,
) -> Result<(), Failure> {
    let naming =
        |call: &'static str| move |e: io::Error| Failure::Setup(call.into(), e.raw_os_error().unwrap_or(0));
    // This call comes first, because before it the parent's death does not kill the child.
    if options.die_with_parent {
        forked::die_with(parent, thread).map_err(naming("prctl"))?;
    }
    if !options.foreground {
        forked::lead_group().map_err(naming("setpgid"))?;
    }
    let [stdout, stderr] = outputs;
    if let Some(to) = stdout {
        dup2_stdout(to).map_err(|e| naming("dup2")(e.into()))?;
    }
    if let Some(to) = stderr {
        dup2_stderr(to).map_err(|e| naming("dup2")(e.into()))?;
    }
    if let Some(time) = options.cpu_limit {
        limits::processor_time(time).map_err(naming("setrlimit"))?;
    }
    if let Some(bytes) = options.memory {
        limits::memory(bytes).map_err(naming("setrlimit"))?;
        limits::report_abort(pipe, Tail::Abort.bytes(pipe.mark));
    }
    Ok(())
}

impl InChild {
    #[inline]
    pub(super) fn new(options: &Options, pipe: WriteEnd, exit: ExitOnDrop) -> InChild {
        let is_watched = options.is_spawned_by_run && options.die_with_parent;
        let kill_after = options.kill_after().filter(|_| !is_watched);
        let kill_timer =
            kill_after.and_then(|after| ChildTimer::start(libc::SIGKILL, libc::CLOCK_MONOTONIC, after).ok());
        InChild { this: forked::this(), pipe, kill_timer, _exit: exit }
    }

    pub(super) fn run<T: Serialize>(self, f: impl FnOnce() -> T) -> ! {
        let InChild { this, pipe, .. } = self;
        let mut small = [0; STACK_BUFFER];
        let mut sender = Sender::new(pipe, &mut small, self.kill_timer);
        let sent = panic::catch_unwind(AssertUnwindSafe(|| {
            let value = f();
            // If `f` has forked, its child may return from `f` too, but must not send a value.
            if forked::this() != this {
                exit(libc::EXIT_SUCCESS);
            }
            // If the pipe has no reader, SIGPIPE may end the process during the send. Unflushed output would be lost.
            flush();
            let sent = value.serialize(&mut sender);
            mem::forget(value);
            sent
        }));
        let code = match sent {
            Ok(Ok(())) => {
                flush();
                // `Serialize` may have printed. The end of the value makes the job a success, so it is sent after the flush.
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

/// Ends the child when dropped. Otherwise a panic would unwind into the code that called `spawn`.
pub(super) struct ExitOnDrop;

impl Drop for ExitOnDrop {
    fn drop(&mut self) {
        exit(PANICKED)
    }
}

pub(super) fn send_failure(pipe: WriteEnd, failure: &Failure) -> io::Result<()> {
    flush();
    failure.send(pipe)
}

#[inline]
pub(super) fn flush() {
    let _ = panic::catch_unwind(|| io::stdout().flush());
    c_streams::flush();
}
