//! For functions that never check: the handler ends the process itself.
//!
//! Nothing can be decided in a handler that would need the lock, so what it needs stands ready in atomics: the
//! moment, and the line to write. Whoever answers in time takes the moment away.

use std::time::Duration;

use super::places::{Place, Places};
use crate::error::Exact;
use crate::os::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::os::exit;
use crate::schedule::{Entry, Key, Schedule, Scope};
use crate::time::Time;

/// The longest line; a longer label is cut.
const LINE: usize = 240;

static PLACES: Places<LastResort> = Places::new();

/// An end that stands ready.
pub(crate) struct LastResort {
    due: AtomicU64,
    core: AtomicBool,
    length: AtomicUsize,
    line: [AtomicU8; LINE],
}

/// Takes a place, with the line to write before the end. Nothing is due yet.
pub(super) fn prepare(line: &str, core: bool) -> &'static Place<LastResort> {
    let place = PLACES.take(|| LastResort {
        due: AtomicU64::new(Time::NEVER.as_nanos()),
        core: AtomicBool::new(false),
        length: AtomicUsize::new(0),
        line: [const { AtomicU8::new(0) }; LINE],
    });
    place.core.store(core, Ordering::Relaxed);
    let line = line.as_bytes();
    let length = line.len().min(LINE - 1);
    for (to, from) in place.line.iter().zip(line[..length].iter().chain(b"\n")) {
        to.store(*from, Ordering::Relaxed);
    }
    place.length.store(length + 1, Ordering::Release);
    place
}

impl LastResort {
    pub(super) fn set(&self, due: Time) {
        self.due.store(due.as_nanos(), Ordering::SeqCst);
    }

    fn due(&self) -> Time {
        Time::from_nanos(self.due.load(Ordering::SeqCst))
    }
}

/// The next moment at which the process is to end.
pub(super) fn next() -> Time {
    PLACES.iter().map(LastResort::due).min().unwrap_or(Time::NEVER)
}

/// The next one after that moment.
pub(super) fn next_after(moment: Time) -> Time {
    PLACES.iter().map(LastResort::due).filter(|due| *due > moment).min().unwrap_or(Time::NEVER)
}

/// Ends the process if it is time. Async-signal-safe.
///
/// The race: the guard is dropped, or answered, on another thread at this very moment. Then the moment has passed
/// as well as been taken away, and either outcome is what was asked for.
pub(super) fn act(now: Time) {
    if let Some(resort) = PLACES.iter().find(|resort| now >= resort.due()) {
        let mut line = [0; LINE];
        let length = resort.length.load(Ordering::Acquire).min(LINE);
        for (to, from) in line.iter_mut().zip(&resort.line) {
            *to = from.load(Ordering::Relaxed);
        }
        exit::with_a_last_word(&line[..length], resort.core.load(Ordering::Relaxed));
    }
}

/// In a forked child: the alarms stayed with the parent.
pub(super) fn start_again() {
    PLACES.iter().for_each(|resort| resort.set(Time::NEVER));
    PLACES.vacate();
}

/// How long after the deadline, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grace {
    pub(crate) grace: Duration,
    pub(crate) core: bool,
}

/// Which alarms have a last resort. Few, as a rule one.
pub(super) struct LastResorts(Vec<(Key, Scope, Grace, &'static Place<LastResort>)>);

impl LastResorts {
    pub(super) const fn new() -> LastResorts {
        LastResorts(Vec::new())
    }

    pub(super) fn add(&mut self, key: Key, entry: &Entry, resort: Grace) {
        let label = entry.label.as_deref().unwrap_or("a computation").replace(char::is_control, "\u{fffd}");
        let limit = entry.limit.map(Exact).map_or("no limit".to_owned(), |limit| limit.to_string());
        let line = |label: &str| {
            let grace = Exact(resort.grace);
            format!(
                "sigalarm: {label} has not answered {grace} after its limit of {limit}; ending the process"
            )
        };
        // Of a long label the beginning: the rest of the line is to be read as well.
        let room = (LINE - 1).saturating_sub(line("").len());
        let end = (0..=room.min(label.len())).rfind(|end| label.is_char_boundary(*end)).unwrap_or(0);
        let line = line(&label[..end]);
        let place = prepare(&line, resort.core);
        place.set(entry.deadline.after(resort.grace));
        self.0.push((key, entry.scope, resort, place));
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(index) = self.0.iter().position(|(other, ..)| *other == key) {
            let (.., place) = self.0.swap_remove(index);
            place.set(Time::NEVER);
            place.give_back();
        }
    }

    /// The alarm was restarted, extended, rung or disarmed.
    pub(super) fn change(&mut self, key: Key, entry: Option<&Entry>) {
        if let (Some((_, _, resort, place)), Some(entry)) =
            (self.0.iter().find(|(other, ..)| *other == key), entry)
        {
            // Whoever has answered once knows: another ring is no news to them.
            let answered = entry.expired.is_some() && place.due().is_never();
            if !answered {
                place.set(entry.deadline.after(resort.grace));
            }
        }
    }

    /// A check on this thread has erred: of its alarms that have expired, none needs a last resort until it begins again.
    pub(super) fn answered(&self, schedule: &Schedule, scope: Scope) {
        for (key, _, _, place) in self.0.iter().filter(|(_, other, ..)| *other == scope) {
            if schedule.get(*key).is_some_and(|entry| entry.expired.is_some()) {
                place.set(Time::NEVER);
            }
        }
    }
}
