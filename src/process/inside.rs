//! What happens in the child: from the fork to `_exit`, and never past either.

use std::io::{self, StderrLock, StdoutLock, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use nix::libc;
use nix::unistd::{Pid, setpgid};
use serde::Serialize;

use super::panics::{self, Panic};
use super::wire::{LastWords, Outbox, SMALL, Unsent};
use crate::alarm::Alarm;
use crate::os::forked::{self, exit};
use crate::os::inherited::Held;
use crate::os::limits;
use crate::os::pipe::Outlet;

/// The exit code after a panic, as Rust has it.
const PANICKED: i32 = 101;

/// EX_IOERR of `<sysexits.h>`: the pipe was gone.
const UNHEARD: i32 = 74;

/// How the child is to set itself up.
#[derive(Debug)]
pub(super) struct SetUp {
    pub(super) parent: Pid,
    pub(super) limit: Option<Duration>,
    pub(super) label: Option<Arc<str>>,
    pub(super) own_group: bool,
    pub(super) die_with_parent: bool,
    pub(super) memory: Option<u64>,
    pub(super) processor_time: Option<Duration>,
    pub(super) stdout: Option<OwnedFd>,
    pub(super) stderr: Option<OwnedFd>,
}

/// The standard streams, held by the forking thread from before the fork, written out and not to be written to:
/// so the child finds them empty, and nobody else's.
pub(super) struct Streams(#[allow(dead_code)] StdoutLock<'static>, #[allow(dead_code)] StderrLock<'static>);

impl Streams {
    pub(super) fn hold() -> Streams {
        let (mut stdout, stderr) = (io::stdout().lock(), io::stderr().lock());
        let _ = stdout.flush();
        forked::flush_c_streams();
        Streams(stdout, stderr)
    }
}

/// Lives the child's life. The pipe stays open as long as it does.
pub(super) fn live<T, F>(set_up: &SetUp, outlet: Outlet, held: Held, streams: Streams, f: F) -> !
where
    T: Serialize,
    F: FnOnce() -> T,
{
    // Should anything in here unwind, it goes no further than this.
    let _way_out = WayOut;
    let this = Pid::this();
    if let Err((call, e)) = set_up.carry_out() {
        let words = LastWords::Fault(call.into(), e.raw_os_error().unwrap_or(0));
        let _ = Outbox::last_words(outlet, &words);
        exit(libc::EXIT_FAILURE)
    }
    held.release_in_child();
    drop(streams);
    panics::listen(outlet, on_abort);

    // Where there is no alarm to be had, the parent still keeps to the limit by its own means.
    let _alarm = set_up.limit.and_then(|limit| {
        let builder = Alarm::builder().after(limit);
        let builder = match &set_up.label {
            Some(label) => builder.label(label.clone()),
            None => builder,
        };
        builder.arm().ok()
    });
    let mut small = [0; SMALL];
    let mut outbox = Outbox::new(outlet, &mut small);
    let sent = panic::catch_unwind(AssertUnwindSafe(|| {
        let value = f();
        // A process that the function has forked, and that came back from it as well: it has nothing to say.
        if Pid::this() != this {
            exit(libc::EXIT_SUCCESS);
        }
        // What it has printed goes out before a large value: where SIGPIPE is not ignored and nobody reads any more, the
        // value is the end.
        flush();
        let sent = outbox.value(&value);
        // Its destructor has nothing left to do.
        std::mem::forget(value);
        sent
    }));
    let code = match sent {
        Ok(Ok(())) => {
            flush();

            // The last word: whoever has read it knows that all else is done.
            if outbox.end().is_ok() { libc::EXIT_SUCCESS } else { UNHEARD }
        }
        Ok(Err(Unsent::NotEncoded(message))) => {
            farewell(outlet, LastWords::NotEncoded(message.into()));
            libc::EXIT_FAILURE
        }
        Ok(Err(Unsent::Unheard)) => {
            flush();
            UNHEARD
        }
        Err(_) if Pid::this() != this => PANICKED,
        Err(payload) => {
            farewell(outlet, LastWords::Panicked(panics::caught(payload)));
            PANICKED
        }
    };
    exit(code)
}

/// Exits when it is dropped.
struct WayOut;

impl Drop for WayOut {
    fn drop(&mut self) {
        exit(PANICKED)
    }
}

/// For a program whose panics abort, and end this process when this returns.
fn on_abort(outlet: Outlet, panic: Panic) {
    farewell(outlet, LastWords::Panicked(panic));
}

fn farewell(outlet: Outlet, words: LastWords) {
    flush();
    let _ = Outbox::last_words(outlet, &words);
}

/// Writes out what the function has printed, with Rust's means and with C's.
fn flush() {
    // A function that never gave its lock of stdout back makes this panic; then there is nothing to be done.
    let _ = panic::catch_unwind(|| io::stdout().flush());
    forked::flush_c_streams();
}

/// A call, as its manual page is named, and why it failed.
type Fault = (&'static str, io::Error);

impl SetUp {
    fn carry_out(&self) -> Result<(), Fault> {
        fn naming(call: &'static str) -> impl FnOnce(io::Error) -> Fault {
            move |e| (call, e)
        }
        // First, for until then it may be left alone in the world.
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
        if let Some(time) = self.processor_time {
            limits::processor_time(time).map_err(naming("setrlimit"))?;
        }
        if let Some(bytes) = self.memory {
            limits::memory(bytes).map_err(naming("setrlimit"))?;
        }
        Ok(())
    }
}
