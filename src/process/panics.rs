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

use super::in_child::send_failure;
use super::wire::Failure;
use crate::error::{SourceLocation, panic_message};
use crate::os::pipe::WriteEnd;

const LONGEST: usize = 64 * 1024;

/// A panic of the function in a job. The child does not print the message.
/// ```standalone_crate
/// let outcome = sigalarm::process::Job::builder().run(|| -> () { panic!("failed") });
/// assert!(outcome.unwrap_err().to_string().ends_with("failed"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    message: Arc<str>,
    location: Option<SourceLocation>,
}

impl Panic {
    /// Returns the first 64 KiB of the message, or the text `Box<dyn Any>` if the payload is not a string.
    /// ```standalone_crate
    /// let outcome = sigalarm::process::Job::builder().run(|| -> () { panic!("failed") });
    /// assert!(matches!(outcome, Err(sigalarm::process::JobError::Panicked(panic)) if panic.message() == "failed"));
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns where the function panicked; `None` after [`resume_unwind`](std::panic::resume_unwind).
    /// ```standalone_crate
    /// let outcome = sigalarm::process::Job::builder().run(|| -> () { panic!("failed") });
    /// let Err(sigalarm::process::JobError::Panicked(panic)) = outcome else { unreachable!() };
    /// assert_eq!(panic.location().unwrap().line(), line!() - 2);
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

thread_local! {
    static CAPTURE: Cell<Option<WriteEnd>> = const { Cell::new(None) };
    static LAST: Cell<ManuallyDrop<Option<Panic>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

pub(super) fn capture(pipe: Option<WriteEnd>) -> Option<WriteEnd> {
    CAPTURE.replace(pipe)
}

pub(super) type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send>;

pub(super) fn replace_hook() -> Option<Hook> {
    (!thread::panicking()).then(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(on_panic));
        hook
    })
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let Some(pipe) = CAPTURE.get() else { return print(info) };
    let panic = Panic::new(info.payload(), info.location().map(implementer::copied));
    if cfg!(panic = "abort") {
        let _ = send_failure(pipe, &Failure::Panicked(panic.clone()));
    }
    LAST.set(ManuallyDrop::new(Some(panic)));
}

pub(super) fn panic_of(payload: Box<dyn Any + Send>) -> Panic {
    let bare = Panic::new(&*payload, None);
    let last = ManuallyDrop::into_inner(LAST.replace(ManuallyDrop::new(None)));
    let located = last.filter(|panic| panic.message == bare.message);
    // The payload is not dropped, because its destructor could panic.
    mem::forget(payload);
    located.unwrap_or(bare)
}

fn print(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let panic = Panic::new(info.payload(), info.location().map(implementer::copied));
    let _ = writeln!(std::io::stderr(), "thread '{name}' {panic}");
}
