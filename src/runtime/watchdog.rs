//! For functions that never check: the handler ends the process.
//!
//! Each watchdog has a private timer of its own, directed at the thread of its alarm and set for the alarm's deadline. Its
//! signal starts the grace, and the next one ends the process. So a process that was stopped across the deadline, and handles
//! the expiry when it is continued, has its whole grace. A check that returns an error in time disarms the watchdog.
//!
//! What the handler needs is in atomics: the phase, its end by the clock, and the line to write. The race: an answer or a change
//! on another thread while the handler runs. A timer that the handler has set late expires too early or for nothing, and the
//! phase and its end tell.

use std::ptr;
use std::time::Duration;

use super::registry::Registered;
use super::shared::SHARED;
use super::timer::posix::PosixTimer;
use crate::error::{ArmError, Exact};
use crate::os::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::os::posix_timer::{ThreadId, TimerId, When};
use crate::os::{clock, exit};
use crate::schedule::{Entry, Key, Schedule, Scope};
use crate::time::Time;

/// The longest line; a longer label is cut.
const LINE: usize = 240;

/// What the handler reads of a watchdog.
pub(super) struct Watchdog {
    phase: AtomicU8,
    /// When the phase ends.
    end: AtomicU64,
    grace: AtomicU64,
    timer: AtomicUsize,
    dumps_core: AtomicBool,
    length: AtomicUsize,
    line: [AtomicU8; LINE],
}

/// Nothing is due: the alarm has no deadline, or a check has answered.
const IDLE: u8 = 0;
/// Until the deadline.
const RUNNING: u8 = 1;
/// After it.
const GRACE: u8 = 2;

impl Watchdog {
    fn new() -> Watchdog {
        Watchdog {
            phase: AtomicU8::new(IDLE),
            end: AtomicU64::new(0),
            grace: AtomicU64::new(0),
            timer: AtomicUsize::new(0),
            dumps_core: AtomicBool::new(false),
            length: AtomicUsize::new(0),
            line: [const { AtomicU8::new(0) }; LINE],
        }
    }

    fn set_line(&self, line: &str) {
        let line = line.as_bytes();
        let length = line.len().min(LINE - 1);
        for (to, from) in self.line.iter().zip(line[..length].iter().chain(b"\n")) {
            to.store(*from, Ordering::Relaxed);
        }
        self.length.store(length + 1, Ordering::Release);
    }

    /// Begins a phase, and sets the timer for its end. Async-signal-safe.
    fn begin(&self, phase: u8, end: Time) {
        self.note(phase, end);
        self.set_timer(self.when());
    }

    fn note(&self, phase: u8, end: Time) {
        self.end.store(end.as_nanos(), Ordering::SeqCst);
        self.phase.store(phase, Ordering::SeqCst);
    }

    /// When the timer is to expire.
    fn when(&self) -> When {
        let end = Time::from_nanos(self.end.load(Ordering::SeqCst));
        let is_idle = self.phase.load(Ordering::SeqCst) == IDLE || end.is_never();
        if is_idle { When::Never } else { When::At(end) }
    }

    fn set_timer(&self, when: When) {
        if let Some(timer) = TimerId::from_bits(self.timer.load(Ordering::SeqCst)) {
            let _ = timer.set(when, Duration::ZERO);
        }
    }

    fn on_timer(&self) {
        let phase = self.phase.load(Ordering::SeqCst);
        let end = Time::from_nanos(self.end.load(Ordering::SeqCst));
        let now = clock::now();
        if phase == IDLE {
            return;
        }
        if now < end {
            return self.set_timer(When::At(end));
        }
        if phase == RUNNING {
            return self.begin(GRACE, now.after(Duration::from_nanos(self.grace.load(Ordering::SeqCst))));
        }
        let mut line = [0; LINE];
        let length = self.length.load(Ordering::Acquire).min(LINE);
        for (to, from) in line.iter_mut().zip(&self.line) {
            *to = from.load(Ordering::Relaxed);
        }
        exit::write_and_exit(&line[..length], self.dumps_core.load(Ordering::Relaxed));
    }
}

/// A timer with this value has expired. Says whether it is a watchdog's. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    let watchdog = SHARED.watchdogs.iter().find(|watchdog| ptr::from_ref(*watchdog).addr() == value);
    watchdog.map(Watchdog::on_timer).is_some()
}

/// How long after the deadline the process ends, and how.
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
}

/// Which alarms have a watchdog. Few, as a rule one.
pub(super) struct Watchdogs {
    watched: Vec<Watched>,
    /// In a suspension no timer of theirs is set.
    is_suspended: bool,
}

impl Watchdogs {
    pub(super) const fn new() -> Watchdogs {
        Watchdogs { watched: Vec::new(), is_suspended: false }
    }

    /// Disarms their timers; the phases go on.
    pub(super) fn suspend(&mut self) {
        self.is_suspended = true;
        self.watched.iter().for_each(|watched| watched.watchdog.set_timer(When::Never));
    }

    /// Sets their timers again. A phase that has ended meanwhile ends now.
    pub(super) fn resume(&mut self) {
        self.is_suspended = false;
        self.watched.iter().for_each(|watched| watched.watchdog.set_timer(watched.watchdog.when()));
    }

    fn begin(&self, watchdog: &Watchdog, phase: u8, end: Time) {
        watchdog.note(phase, end);
        if !self.is_suspended {
            watchdog.set_timer(watchdog.when());
        }
    }

    /// Sets a watchdog on an alarm of the thread.
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
            watchdog.give_back();
            ArmError::system("timer_create", e)
        })?;
        watchdog.set_line(&line(entry, grace.grace));
        watchdog.dumps_core.store(grace.dumps_core, Ordering::Relaxed);
        watchdog.grace.store(Time::from_nanos(0).after(grace.grace).as_nanos(), Ordering::SeqCst);
        watchdog.timer.store(id.to_bits(), Ordering::SeqCst);
        self.begin(watchdog, RUNNING, entry.deadline);
        self.watched.push(Watched { key, scope: entry.scope, watchdog, timer });
        Ok(())
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(index) = self.watched.iter().position(|watched| watched.key == key) {
            let watched = self.watched.swap_remove(index);
            watched.watchdog.begin(IDLE, Time::NEVER);
            watched.watchdog.timer.store(0, Ordering::SeqCst);
            watched.watchdog.give_back();
        }
    }

    /// The alarm was restarted, extended, rung or disarmed.
    pub(super) fn change(&mut self, key: Key, entry: Option<&Entry>) {
        if let (Some(watched), Some(entry)) = (self.watched.iter().find(|watched| watched.key == key), entry)
        {
            let phase = watched.watchdog.phase.load(Ordering::SeqCst);
            let is_same = watched.watchdog.end.load(Ordering::SeqCst) == entry.deadline.as_nanos();
            // One that has answered knows of the expiry: another ring is nothing new. A grace that runs goes on.
            let stays = if phase == RUNNING { is_same } else { entry.expired.is_some() };
            if !stays {
                self.begin(watched.watchdog, RUNNING, entry.deadline);
            }
        }
    }

    /// A check on this thread has returned an error: its alarms that have expired need no watchdog until they begin again.
    pub(super) fn answered(&self, schedule: &Schedule, scope: Scope) {
        for watched in self.watched.iter().filter(|watched| watched.scope == scope) {
            if schedule.get(watched.key).is_some_and(|entry| entry.expired.is_some())
                && watched.watchdog.phase.load(Ordering::SeqCst) != IDLE
            {
                self.begin(watched.watchdog, IDLE, Time::NEVER);
            }
        }
    }
}

/// The line that a watchdog writes. Of a long label it has the beginning, so that the rest can be read.
fn line(entry: &Entry, grace: Duration) -> String {
    let label = entry.label.as_deref().unwrap_or("a computation").replace(char::is_control, "\u{fffd}");
    let limit = entry.limit.map(Exact).map_or("no limit".to_owned(), |limit| limit.to_string());
    let line = |label: &str| {
        let grace = Exact(grace);
        format!("sigalarm: {label} has not answered {grace} after its limit of {limit}; ending the process")
    };
    let space = (LINE - 1).saturating_sub(line("").len());
    let end = (0..=space.min(label.len())).rfind(|end| label.is_char_boundary(*end)).unwrap_or(0);
    line(&label[..end])
}

/// In a forked child: the alarms stayed with the parent.
#[inline]
pub(super) fn start_again() {
    for watchdog in SHARED.watchdogs.iter() {
        watchdog.phase.store(IDLE, Ordering::SeqCst);
        watchdog.timer.store(0, Ordering::SeqCst);
    }
    SHARED.watchdogs.free_all();
}
