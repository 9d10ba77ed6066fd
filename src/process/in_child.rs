//! What happens in the child: from the fork to `_exit`, and never past either.

use std::io::{self, StderrLock, StdoutLock, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use nix::unistd::{Pid, setpgid};
use serde::Serialize;

#[cfg(any(target_os = "linux", target_os = "android"))]
use super::escalation;
use super::panics::{self, Panic};
use super::wire::{ABORT_FRAME, Failure, SMALL, SendError, Sender};
use crate::alarm::Alarm;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::os::child_timer::ChildTimer;
use crate::os::forked::{self, exit};
use crate::os::inherited::Held;
use crate::os::pipe::WriteEnd;
use crate::os::{job_fd, limits};

/// The exit code after a panic, as Rust has it.
const PANICKED: i32 = 101;

/// EX_IOERR of `<sysexits.h>`: the pipe was closed.
const PIPE_CLOSED: i32 = 74;

/// How the child sets itself up.
#[derive(Debug)]
pub(super) struct SetUp {
    pub(super) parent: Pid,
    pub(super) limit: Option<Duration>,
    pub(super) grace: Duration,
    pub(super) label: Option<Arc<str>>,
    pub(super) own_group: bool,
    pub(super) die_with_parent: bool,
    pub(super) memory: Option<u64>,
    pub(super) cpu_limit: Option<Duration>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
}

/// The standard streams, locked by the forking thread across the fork: so no other thread is writing to them.
pub(super) struct Streams(#[allow(dead_code)] StdoutLock<'static>, #[allow(dead_code)] StderrLock<'static>);

impl Streams {
    /// Flushes the streams before a fork, so that the child finds them empty. Locks them, if there may be other threads.
    ///
    /// Without other threads that would only cost both sides pages to copy.
    pub(super) fn flush(lock: bool) -> Option<Streams> {
        let (mut stdout, stderr) = (io::stdout().lock(), io::stderr().lock());
        let _ = stdout.flush();
        forked::flush_c_streams();
        lock.then_some(Streams(stdout, stderr))
    }
}

/// Runs the function in the child and exits.
pub(super) fn run<T, F>(set_up: &SetUp, pipe: WriteEnd, held: Held, streams: Option<Streams>, f: F) -> !
where
    T: Serialize,
    F: FnOnce() -> T,
{
    // Nothing unwinds past this.
    let _exit = ExitOnDrop;
    let this = Pid::this();
    job_fd::close_in_child(set_up.parent.as_raw().unsigned_abs(), pipe.number());
    if let Err((call, e)) = set_up.carry_out(pipe) {
        let _ = Failure::Setup(call.into(), e.raw_os_error().unwrap_or(0)).send(pipe);
        exit(libc::EXIT_FAILURE)
    }
    held.release_in_child();
    drop(streams);
    panics::capture(pipe, on_abort);

    // Where no alarm can be armed, the parent still enforces the limit.
    let _alarm = set_up.limit.and_then(|limit| {
        let builder = Alarm::builder().after(limit);
        let builder = match &set_up.label {
            Some(label) => builder.label(label.clone()),
            None => builder,
        };
        builder.arm().ok()
    });
    let kill_timer = set_up.start_kill_timer();
    let mut small = [0; SMALL];
    let mut sender = Sender::new(pipe, &mut small);
    let sent = panic::catch_unwind(AssertUnwindSafe(|| {
        let value = f();
        // A process that the function has forked, and that returned from the function too, sends nothing.
        if Pid::this() != this {
            exit(libc::EXIT_SUCCESS);
        }
        // A large value may have to wait for a thread that joins.
        stop_kill_timer(kill_timer);
        // Before a large value: where SIGPIPE is not ignored and the parent does not read, the value ends the process.
        flush();
        let sent = sender.send(&value);
        // Not dropped: the process is about to end.
        std::mem::forget(value);
        sent
    }));
    let code = match sent {
        Ok(sent) => match sent.and_then(|()| {
            flush();
            // Last: a parent that has read the end of the value knows that all else is done.
            sender.finish()
        }) {
            Ok(()) => libc::EXIT_SUCCESS,
            Err(SendError::NotEncoded(message)) => {
                send_failure(pipe, &Failure::NotEncoded(message.into()));
                libc::EXIT_FAILURE
            }
            Err(SendError::Pipe) => {
                flush();
                PIPE_CLOSED
            }
        },
        Err(_) if Pid::this() != this => PANICKED,
        Err(payload) => {
            send_failure(pipe, &Failure::Panicked(panics::caught(payload)));
            PANICKED
        }
    };
    exit(code)
}

struct ExitOnDrop;

impl Drop for ExitOnDrop {
    fn drop(&mut self) {
        exit(PANICKED)
    }
}

/// For a program whose panics abort: this process ends when it returns.
fn on_abort(pipe: WriteEnd, panic: Panic) {
    send_failure(pipe, &Failure::Panicked(panic));
}

fn send_failure(pipe: WriteEnd, failure: &Failure) {
    flush();
    let _ = failure.send(pipe);
}

/// Flushes what the function has printed by Rust's means and C's.
fn flush() {
    // It panics if the function has leaked its lock of stdout. Then nothing can be flushed.
    let _ = panic::catch_unwind(|| io::stdout().flush());
    forked::flush_c_streams();
}

/// A call, as its manual page is named, and why it failed.
type Fault = (&'static str, io::Error);

#[cfg(any(target_os = "linux", target_os = "android"))]
fn stop_kill_timer(timer: Option<ChildTimer>) {
    if let Some(timer) = timer {
        timer.stop();
    }
}

/// There is none.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn stop_kill_timer(_: Option<std::convert::Infallible>) {}

impl SetUp {
    /// Has the kernel kill this process some time after its limit, for when no thread of the parent waits and escalates.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn start_kill_timer(&self) -> Option<ChildTimer> {
        let after = escalation::kill_timer(self.limit?, self.grace)?;
        ChildTimer::start(libc::SIGKILL, libc::CLOCK_MONOTONIC, after).ok()
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn start_kill_timer(&self) -> Option<std::convert::Infallible> {
        None
    }

    fn carry_out(&self, pipe: WriteEnd) -> Result<(), Fault> {
        fn naming(call: &'static str) -> impl FnOnce(io::Error) -> Fault {
            move |e| (call, e)
        }
        // First: until then the parent may end and leave the child behind.
        if self.die_with_parent {
            forked::die_with(self.parent).map_err(naming("prctl"))?;
        }
        if self.own_group {
            setpgid(Pid::from_raw(0), Pid::from_raw(0))
                .map_err(io::Error::from)
                .map_err(naming("setpgid"))?;
        }
        for (stream, to) in [(libc::STDOUT_FILENO, &self.stdout), (libc::STDERR_FILENO, &self.stderr)] {
            if let Some(to) = to {
                forked::redirect(stream, to.as_fd()).map_err(naming("dup2"))?;
            }
        }
        if let Some(time) = self.cpu_limit {
            limits::processor_time(time).map_err(naming("setrlimit"))?;
        }
        if let Some(bytes) = self.memory {
            limits::memory(bytes).map_err(naming("setrlimit"))?;
            limits::report_abort(pipe, &ABORT_FRAME);
        }
        Ok(())
    }
}
