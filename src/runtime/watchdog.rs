//! Watchdogs: the handler ends the process if a function never checks.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Exact;
use crate::os::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::os::exit;
use crate::os::shared_arc::SharedArc;
use crate::schedule::{Entry, Key};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    pub(crate) grace: Duration,
    pub(crate) dumps_core: bool,
}

pub(super) struct Watchdog {
    /// In nanoseconds; `u64::MAX` if there is no watchdog.
    grace: AtomicU64,
    dumps_core: AtomicBool,
    is_aborting: AtomicBool,
    report: SharedArc<String>,
}

impl Watchdog {
    pub(super) const fn none() -> Watchdog {
        Watchdog {
            grace: AtomicU64::new(u64::MAX),
            dumps_core: AtomicBool::new(false),
            is_aborting: AtomicBool::new(false),
            report: SharedArc::empty(),
        }
    }

    pub(super) fn start(&self, grace: Grace, report: String) {
        let nanos = u64::try_from(grace.grace.as_nanos()).unwrap_or(u64::MAX);
        self.grace.store(nanos, Ordering::SeqCst);
        self.dumps_core.store(grace.dumps_core, Ordering::Relaxed);
        self.is_aborting.store(false, Ordering::SeqCst);
        self.set_report(report);
    }

    pub(super) fn set_report(&self, report: String) {
        self.report.replace(Some(Arc::new(report)));
    }

    pub(super) fn stop(&self) {
        self.grace.store(u64::MAX, Ordering::SeqCst);
        self.report.replace(None);
    }

    pub(super) fn forget(&self) {
        self.grace.store(u64::MAX, Ordering::SeqCst);
        self.report.forget();
    }

    /// Async-signal-safe.
    pub(super) fn begin_grace(&self) -> Option<Duration> {
        self.is_aborting.store(false, Ordering::SeqCst);
        let nanos = self.grace.load(Ordering::SeqCst);
        (nanos != u64::MAX).then(|| Duration::from_nanos(nanos))
    }

    /// Ends the process. For a core dump, raises SIGABRT, which is delivered when the handler returns. Returns the time after
    /// which the caller must call again, because the process may survive SIGABRT. Async-signal-safe.
    pub(super) fn end_process(&self) -> Duration {
        if self.is_aborting.swap(true, Ordering::SeqCst) {
            exit::abort();
        }
        self.report.with(|report| exit::write_line(report.as_bytes()));
        if !self.dumps_core.load(Ordering::Relaxed) {
            exit::exit(124);
        }
        exit::abort_on_return();
        Duration::from_secs(5)
    }
}

const LENGTH: usize = 600;

pub(super) fn report(entry: &Entry, grace: Duration, thread: &str) -> String {
    let name = cut(label(entry, "a computation"), 120);
    let limit = entry.limit.map_or("no limit".to_owned(), |limit| Exact(limit).to_string());
    let grace = Exact(grace);
    let line =
        format!("{name} has not answered {grace} after its limit of {limit}; ending the process. {thread}");
    cut(format!("sigalarm: {line}"), LENGTH - 1) + "\n"
}

pub(super) fn describe(path: &[(Key, &Entry)], last_check: Option<&'static Location<'static>>) -> String {
    let mut text = "On its thread: ".to_owned();
    for (n, (_, entry)) in path.iter().enumerate() {
        if text.len() > LENGTH {
            break;
        }
        let separator = if n == 0 { "" } else { " > " };
        text += &format!("{separator}{} ({})", label(entry, "an alarm"), line_of(entry.location));
    }
    if let Some(location) = last_check {
        text += "; last check seen at ";
        text += &line_of(location);
    }
    text
}

fn label(entry: &Entry, other: &str) -> String {
    entry.label.as_deref().map_or(other.to_owned(), |label| label.replace(char::is_control, "\u{fffd}"))
}

fn line_of(location: &Location<'_>) -> String {
    format!("{}:{}", location.file(), location.line())
}

fn cut(mut text: String, length: usize) -> String {
    text.truncate((0..=length.min(text.len())).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0));
    text
}
