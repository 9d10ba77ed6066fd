//! Panics in the child: caught, and sent to the parent instead of printed.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};
use sigalarm_core::implementer;

use crate::error::{SourceLocation, panic_message};
use crate::os::pipe::WriteEnd;

/// The longest message, in bytes; the rest is cut off.
const LONGEST: usize = 64 * 1024;

/// A panic of the function in a job.
///
/// Nothing is printed in the child: the message comes here.
///
/// ```standalone_crate
/// use sigalarm::process::{Job, JobError};
///
/// let job = Job::spawn(|| -> () { panic!("no {}", "way") })?;
/// let Err(JobError::Panicked(panic)) = job.join() else { unreachable!() };
/// assert_eq!(panic.message(), "no way");
/// println!("{}", panic.location().unwrap()); // src/main.rs:4:35
/// # Ok::<(), JobError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    message: Arc<str>,
    location: Option<SourceLocation>,
}

impl Panic {
    /// The message, at most 64 KiB of it; `Box<dyn Any>` for a payload that is not a string, as in Rust's own reports.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let job = Job::spawn(|| "seven".parse::<u32>().unwrap())?;
    /// let text = match job.join() {
    ///     Ok(n) => n.to_string(),
    ///     Err(JobError::Panicked(panic)) => panic.message().to_owned(), // and nothing on the terminal
    ///     Err(e) => return Err(e),
    /// };
    /// assert!(text.contains("InvalidDigit"));
    /// # Ok::<(), JobError>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it panicked; `None` for a [`resume_unwind`](std::panic::resume_unwind), which has no location.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let job = Job::spawn(|| -> u32 { Option::None.unwrap() })?; // this line, and not one of `Option`'s
    /// let Err(JobError::Panicked(panic)) = job.join() else { unreachable!() };
    /// assert_eq!(panic.location().unwrap().line(), line!() - 2);
    /// # Ok::<(), JobError>(())
    /// ```
    pub fn location(&self) -> Option<&SourceLocation> {
        self.location.as_ref()
    }

    fn new(payload: &(dyn Any + Send), location: Option<SourceLocation>) -> Panic {
        let message = panic_message(payload);
        let end = (0..=message.len().min(LONGEST)).rev().find(|&end| message.is_char_boundary(end));
        Panic { message: message[..end.unwrap_or(0)].into(), location }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(place) => write!(f, "panicked at {place}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}

#[derive(Clone, Copy)]
struct PanicCapture {
    pipe: WriteEnd,
    /// For a program whose panics abort.
    on_abort: fn(WriteEnd, Panic),
}

thread_local! {
    /// Set on the thread that runs the function.
    static CAPTURE: Cell<Option<PanicCapture>> = const { Cell::new(None) };
    /// The last panic of that thread.
    static LAST: Cell<ManuallyDrop<Option<Panic>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

/// Replaces the parent's panic hook in a child: it may report to a server, or restore a terminal that the parent uses.
#[inline]
pub(super) fn capture(pipe: WriteEnd, on_abort: fn(WriteEnd, Panic)) {
    CAPTURE.set(Some(PanicCapture { pipe, on_abort }));
    // std changes no hook while the thread unwinds.
    if !thread::panicking() {
        // What the hook owns is the parent's.
        mem::forget(panic::take_hook());
        panic::set_hook(Box::new(on_panic));
    }
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let Some(capture) = CAPTURE.get() else { return print(info) };
    let panic = Panic::new(info.payload(), info.location().map(implementer::copied));
    if cfg!(panic = "abort") {
        (capture.on_abort)(capture.pipe, panic.clone());
    }
    LAST.set(ManuallyDrop::new(Some(panic)));
}

/// Finds the panic of a payload, with its location if the hook saw it.
pub(super) fn caught(payload: Box<dyn Any + Send>) -> Panic {
    let bare = Panic::new(&*payload, None);
    let last = ManuallyDrop::into_inner(LAST.replace(ManuallyDrop::new(None)));
    let located = last.filter(|panic| panic.message == bare.message);
    // A destructor could panic again.
    mem::forget(payload);
    located.unwrap_or(bare)
}

/// Prints the panic of a thread that the function has started, as Rust does.
fn print(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let panic = Panic::new(info.payload(), info.location().map(implementer::copied));
    let _ = writeln!(std::io::stderr(), "thread '{name}' {panic}");
}
