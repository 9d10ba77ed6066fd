//! Panics in the child: caught, told to the parent, and to nobody else.

use std::any::Any;
use std::fmt;
use std::io::Write;
use std::mem;
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::{Place, panic_message};

/// What of a message is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// A panic of the function in a job.
///
/// Nothing is printed in the child: this is where the message goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Panic {
    message: Arc<str>,
    location: Option<Place>,
}

impl Panic {
    /// The message, at most 64 KiB of it; `Box<dyn Any>` for a payload that is not a string, as in Rust's own reports.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it panicked; `None` if it was [`resume_unwind`](std::panic::resume_unwind), which does not tell.
    pub fn location(&self) -> Option<&Place> {
        self.location.as_ref()
    }

    fn new(payload: &(dyn Any + Send), location: Option<Place>) -> Panic {
        let message = panic_message(payload);
        // A message of megabytes would be a value of its own.
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

/// The last panic of the thread that runs the function, which may have been caught by the function itself.
static LAST: Mutex<Option<Panic>> = Mutex::new(None);

/// Puts a hook in the place of the parent's, in the child. `on_abort` is told of a panic that will not come
/// back, in a program built to abort on panics.
///
/// The parent's hook must not run here: it may report to a server, or give a terminal back that the parent goes
/// on using.
pub(super) fn listen(on_abort: impl Fn(&Panic) + Send + Sync + 'static) {
    // A job spawned by a destructor while a panic unwinds: std lets nobody change the hook then.
    if thread::panicking() {
        return;
    }
    let main = thread::current().id();
    // Not dropped: what the parent's hook owns is the parent's.
    mem::forget(panic::take_hook());
    panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if thread::current().id() != main {
            return report(info);
        }
        let panic = Panic::new(info.payload(), info.location().map(place));
        if cfg!(panic = "abort") {
            on_abort(&panic);
        }
        *LAST.lock() = Some(panic);
    }));
}

/// What the hook knows of the panic whose payload was caught.
pub(super) fn caught(payload: Box<dyn Any + Send>) -> Panic {
    let bare = Panic::new(&*payload, None);
    let known = LAST.lock().take().filter(|panic| panic.message == bare.message);
    let panic = known.unwrap_or(bare);
    // Its destructor is code that could panic again, and there is nothing left for it to do.
    mem::forget(payload);
    panic
}

/// The panic of a thread that the function has started: its to join, and to say on stderr, as Rust does.
fn report(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let panic = Panic::new(info.payload(), info.location().map(place));
    let _ = writeln!(std::io::stderr(), "thread '{name}' {panic}");
}

/// The location of a panic lives as long as the call of its hook, and so is copied.
fn place(location: &panic::Location<'_>) -> Place {
    Place::copied(location)
}
