//! Panics in the child: caught, told to the parent, and to nobody else.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::io::Write;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::error::{Place, panic_message};
use crate::os::pipe::Outlet;

/// What of a message is kept, in bytes.
const LONGEST: usize = 64 * 1024;

/// A panic of the function in a job.
///
/// Nothing is printed in the child: this is where the message goes.
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
    location: Option<Place>,
}

impl Panic {
    /// The message, at most 64 KiB of it; `Box<dyn Any>` for a payload that is not a string, as in Rust's own reports.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let job = Job::spawn(|| "seven".parse::<u32>().unwrap())?;
    /// let said = match job.join() {
    ///     Ok(n) => n.to_string(),
    ///     Err(JobError::Panicked(panic)) => panic.message().to_owned(), // and nothing on the terminal
    ///     Err(e) => return Err(e),
    /// };
    /// assert!(said.contains("InvalidDigit"));
    /// # Ok::<(), JobError>(())
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where it panicked; `None` if it was [`resume_unwind`](std::panic::resume_unwind), which does not tell.
    ///
    /// ```standalone_crate
    /// use sigalarm::process::{Job, JobError};
    ///
    /// let job = Job::spawn(|| -> u32 { Option::None.unwrap() })?; // this line, and not one of `Option`'s
    /// let Err(JobError::Panicked(panic)) = job.join() else { unreachable!() };
    /// assert_eq!(panic.location().unwrap().line(), line!() - 2);
    /// # Ok::<(), JobError>(())
    /// ```
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

/// What the hook of a child knows, and has found out.
#[derive(Clone, Copy)]
struct Ears {
    /// Where to report a panic that will not come back, in a program built to abort on panics.
    on_abort: fn(Outlet, Panic),
    outlet: Outlet,
}

thread_local! {
    /// Only on the thread that runs the function. Constant and without destructors, which makes it a plain variable.
    static EARS: Cell<Option<Ears>> = const { Cell::new(None) };
    /// The last panic of that thread, which may have been caught by the function itself.
    static LAST: Cell<ManuallyDrop<Option<Panic>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

/// Puts a hook in the place of the parent's, in a child, on the thread that is about to run the function.
///
/// The parent's hook must not run here: it may report to a server, or give a terminal back that the parent goes
/// on using.
pub(super) fn listen(outlet: Outlet, on_abort: fn(Outlet, Panic)) {
    EARS.set(Some(Ears { on_abort, outlet }));
    // A job spawned by a destructor while a panic unwinds: std lets nobody change the hook then.
    if !thread::panicking() {
        // Not dropped: what the parent's hook owns is the parent's.
        mem::forget(panic::take_hook());
        panic::set_hook(Box::new(on_panic));
    }
}

fn on_panic(info: &PanicHookInfo<'_>) {
    let Some(ears) = EARS.get() else { return report(info) };
    let panic = Panic::new(info.payload(), info.location().map(Place::copied));
    if cfg!(panic = "abort") {
        (ears.on_abort)(ears.outlet, panic.clone());
    }
    LAST.set(ManuallyDrop::new(Some(panic)));
}

/// What the hook knows of the panic whose payload was caught.
pub(super) fn caught(payload: Box<dyn Any + Send>) -> Panic {
    let bare = Panic::new(&*payload, None);
    let last = ManuallyDrop::into_inner(LAST.replace(ManuallyDrop::new(None)));
    let known = last.filter(|panic| panic.message == bare.message);
    let panic = known.unwrap_or(bare);
    // Its destructor is code that could panic again, and there is nothing left for it to do.
    mem::forget(payload);
    panic
}

/// The panic of a thread that the function has started: its to join, and to say on stderr, as Rust does.
fn report(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let panic = Panic::new(info.payload(), info.location().map(Place::copied));
    let _ = writeln!(std::io::stderr(), "thread '{name}' {panic}");
}
