//! Watchdogs: the handler ends the process if a function never checks.
//!
//! Each watchdog has a private timer, directed at the thread of its alarm. Its first signal, at the deadline, starts the grace;
//! the next one ends the process. So a process that was stopped across the deadline has its whole grace after it continues. A
//! check that returns an error in time disarms the watchdog.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::Location;
use std::ptr;
use std::time::Duration;

use super::deadline_timer::{DeadlineTimer, Due};
use super::registry::Registered;
use super::shared::SHARED;
use super::timer::posix::PosixTimer;
use crate::error::{AlarmId, ArmError, Exact};
use crate::os::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::os::posix_timer::ThreadId;
use crate::os::{clock, exit};
use crate::schedule::{Entry, Key, Schedule, Scope};

/// The length to which a line is cut.
const LINE: usize = 600;

/// How long a handler of SIGABRT may take to write a report.
const ABORTING: Duration = Duration::from_secs(5);

/// What the handler reads of a watchdog.
pub(super) struct Watchdog {
    timer: DeadlineTimer,
    /// In nanoseconds.
    grace: AtomicU64,
    dumps_core: AtomicBool,
    /// SIGABRT has been raised.
    is_aborting: AtomicBool,
    /// The handler reads one of them while the other is written.
    lines: [Line; 2],
    current: AtomicUsize,
}

struct Line {
    length: AtomicUsize,
    bytes: [AtomicU8; LINE],
}

impl Line {
    const fn empty() -> Line {
        Line { length: AtomicUsize::new(0), bytes: [const { AtomicU8::new(0) }; LINE] }
    }
}

impl Watchdog {
    fn new() -> Watchdog {
        Watchdog {
            timer: DeadlineTimer::new(),
            grace: AtomicU64::new(0),
            dumps_core: AtomicBool::new(false),
            is_aborting: AtomicBool::new(false),
            lines: [const { Line::empty() }; 2],
            current: AtomicUsize::new(0),
        }
    }

    fn set_line(&self, text: &str) {
        let next = 1 - self.current.load(Ordering::SeqCst);
        let line = &self.lines[next];
        let length = (0..LINE.min(text.len() + 1)).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
        for (to, from) in line.bytes.iter().zip(text.as_bytes()[..length].iter().chain(b"\n")) {
            to.store(*from, Ordering::Relaxed);
        }
        line.length.store(length + 1, Ordering::SeqCst);
        self.current.store(next, Ordering::SeqCst);
    }

    fn write_line(&self) {
        let line = &self.lines[self.current.load(Ordering::SeqCst)];
        let mut bytes = [0; LINE];
        for (to, from) in bytes.iter_mut().zip(&line.bytes) {
            *to = from.load(Ordering::Relaxed);
        }
        exit::write_line(&bytes[..line.length.load(Ordering::SeqCst).min(LINE)]);
    }

    fn on_timer(&self) {
        let now = clock::now();
        let Some(due) = self.timer.on_expiry(now) else { return };
        if !due.is_grace() {
            let grace = Duration::from_nanos(self.grace.load(Ordering::SeqCst));
            return self.timer.replace(due, Due::grace(now.after(grace)));
        }
        if self.is_aborting.swap(true, Ordering::SeqCst) {
            exit::abort();
        }
        self.write_line();
        if !self.dumps_core.load(Ordering::Relaxed) {
            exit::exit(124);
        }
        // If SIGABRT is blocked or its handler returns, the timer expires once more.
        self.timer.set(Due::grace(now.after(ABORTING)), false);
        exit::abort_on_return();
    }
}

/// Handles the expiry of the timer with this value. Returns `false` if it is not the timer of a watchdog. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    SHARED.watchdogs.at(value).map(Watchdog::on_timer).is_some()
}

/// How long after the handled expiry the process ends, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    pub(crate) grace: Duration,
    pub(crate) dumps_core: bool,
}

struct Watched {
    key: Key,
    scope: Scope,
    watchdog: &'static Registered<Watchdog>,
    #[allow(dead_code)] // Deleted when this is dropped.
    timer: PosixTimer,
    grace: Duration,
}

/// The watchdogs of alarms.
pub(super) struct Watchdogs {
    watched: BTreeMap<AlarmId, Watched>,
    /// While it is, their timers are not set.
    is_suspended: bool,
}

impl Watchdogs {
    pub(super) const fn new() -> Watchdogs {
        Watchdogs { watched: BTreeMap::new(), is_suspended: false }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Disarms the timers. Deadlines and graces go on.
    pub(super) fn suspend(&mut self) {
        self.is_suspended = true;
        self.watched.values().for_each(|watched| watched.watchdog.timer.stop());
    }

    /// Sets the timers again. What was due meanwhile is due now.
    pub(super) fn resume(&mut self) {
        self.is_suspended = false;
        self.watched.values().for_each(|watched| watched.watchdog.timer.start());
    }

    /// Starts a watchdog for an alarm of this thread.
    pub(super) fn add(
        &mut self,
        key: Key,
        entry: &Entry,
        grace: Grace,
        thread: ThreadId,
    ) -> Result<(), ArmError> {
        let watchdog = SHARED.watchdogs.take(Watchdog::new);
        let timer = PosixTimer::create(thread, ptr::from_ref::<Watchdog>(watchdog).addr());
        let timer = timer.and_then(|timer| Ok((timer.id()?, timer)));
        let (id, timer) = timer.map_err(|e| {
            SHARED.watchdogs.give_back(watchdog);
            ArmError::system("timer_create", e)
        })?;
        let nanos = u64::try_from(grace.grace.as_nanos()).unwrap_or(u64::MAX);
        watchdog.grace.store(nanos, Ordering::SeqCst);
        watchdog.dumps_core.store(grace.dumps_core, Ordering::Relaxed);
        watchdog.is_aborting.store(false, Ordering::SeqCst);
        watchdog.set_line(&line(entry, grace.grace));
        watchdog.timer.attach(id);
        watchdog.timer.set(Due::at(entry.due()), self.is_suspended);
        let (scope, grace) = (entry.scope, grace.grace);
        self.watched.insert(entry.id, Watched { key, scope, watchdog, timer, grace });
        Ok(())
    }

    pub(super) fn remove(&mut self, id: AlarmId) {
        if let Some(watched) = self.watched.remove(&id) {
            watched.watchdog.timer.detach();
            SHARED.watchdogs.give_back(watched.watchdog);
        }
    }

    /// Follows a change of the alarm.
    pub(super) fn change(&mut self, entry: &Entry) {
        let Some(watched) = self.watched.get(&entry.id) else { return };
        let (was, due) = (watched.watchdog.timer.due(), Due::at(entry.due()));
        // A ring after the expiry changes nothing: not a grace that runs, nor a watchdog that a check has disarmed.
        let stays = was == due || (entry.expired.is_some() && (was.is_grace() || was == Due::NEVER));
        if !stays {
            watched.watchdog.timer.set(due, self.is_suspended);
        }
    }

    /// Disarms the watchdogs of the expired alarms of a thread: one of its checks has returned an error.
    pub(super) fn answered(&self, schedule: &Schedule, scope: Scope) {
        for watched in self.watched.values().filter(|watched| watched.scope == scope) {
            let is_expired = schedule.get(watched.key).is_some_and(|entry| entry.expired.is_some());
            if is_expired && watched.watchdog.timer.due() != Due::NEVER {
                watched.watchdog.timer.set(Due::NEVER, self.is_suspended);
            }
        }
    }

    /// Writes the lines of a thread's watchdogs: which alarms it has, and which check was the last.
    pub(super) fn describe(
        &self,
        scope: Scope,
        schedule: &Schedule,
        last_check: Option<&'static Location<'static>>,
    ) {
        for watched in self.watched.values().filter(|watched| watched.scope == scope) {
            let Some(entry) = schedule.get(watched.key) else { continue };
            let mut line = line(entry, watched.grace);
            let path = schedule.path(scope).into_iter().map(|(_, entry)| {
                let label = entry.label.as_deref().map_or("an alarm".to_owned(), printable);
                format!("{label} ({}:{})", entry.location.file(), entry.location.line())
            });
            let _ = write!(line, ". On its thread: {}", path.collect::<Vec<_>>().join(" > "));
            if let Some(location) = last_check {
                let _ = write!(line, "; last check seen at {}:{}", location.file(), location.line());
            }
            watched.watchdog.set_line(&line);
        }
    }
}

/// The first sentence of the line. A long label is cut.
fn line(entry: &Entry, grace: Duration) -> String {
    const LONGEST_LABEL: usize = 120;
    let label = entry.label.as_deref().map_or("a computation".to_owned(), printable);
    let end = (0..=LONGEST_LABEL.min(label.len())).rfind(|end| label.is_char_boundary(*end)).unwrap_or(0);
    let limit = entry.limit.map(Exact).map_or("no limit".to_owned(), |limit| limit.to_string());
    let (label, grace) = (&label[..end], Exact(grace));
    format!("sigalarm: {label} has not answered {grace} after its limit of {limit}; ending the process")
}

fn printable(label: &str) -> String {
    label.replace(char::is_control, "\u{fffd}")
}

/// Forgets all of them in a forked child: the alarms stayed with the parent.
#[inline]
pub(super) fn start_again() {
    SHARED.watchdogs.iter().for_each(|watchdog| watchdog.timer.forget());
    SHARED.watchdogs.free_all();
}
