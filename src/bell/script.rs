//! What a rehearsal is to put its computation through: at which check its alarm expires.

use std::panic::Location;

use crate::error::{Cause, TimedOut};
use crate::schedule::{Key, Schedule};
use crate::time::Time;

/// The script of one rehearsal, and what has come of it.
#[derive(Debug)]
pub(crate) struct Script {
    /// The alarm of the rehearsal.
    pub(super) key: Key,
    /// At which check it expires, counted from 1.
    pub(super) stop_at: Option<u64>,
    pub(crate) cause: Cause,
    /// How many checks may come after the stop, before it is plain that the computation takes no notice.
    pub(crate) patience: u64,
    /// Somebody has disarmed the alarm: it does not expire until it is armed again.
    pub(super) disarmed: bool,
    /// The checks that have come.
    pub(crate) places: Vec<&'static Location<'static>>,
    pub(crate) stop: Option<Stop>,
    /// An older alarm, which encloses the rehearsal, has expired in it.
    pub(crate) interruption: Option<TimedOut>,
}

/// The check that the alarm of a rehearsal stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    /// Which it was, counted from 1.
    pub(crate) check: u64,
    /// How many have erred since, without a break.
    pub(crate) later: u64,
}

impl Script {
    pub(crate) fn new(key: Key, stop_at: Option<u64>) -> Script {
        Script {
            key,
            stop_at,
            cause: Cause::Deadline,
            patience: PATIENCE,
            disarmed: false,
            places: Vec::new(),
            stop: None,
            interruption: None,
        }
    }

    /// A check has come; it may be the one.
    pub(super) fn count(&mut self, location: &'static Location<'static>, schedule: &mut Schedule, now: Time) {
        self.places.push(location);
        if self.stop_at == Some(self.checks()) && !self.disarmed {
            match self.cause {
                Cause::Deadline => schedule.reach(self.key, now),
                cause => schedule.ring(self.key, cause),
            }
        }
    }

    /// What the check is answered with. Says whether the computation goes on as if nothing were.
    pub(super) fn note(&mut self, answer: Option<&TimedOut>) -> bool {
        let check = self.checks();
        let erred = answer.is_some_and(|timed_out| timed_out.alarm() == self.key.id());
        // Of two alarms of one thread the outer has the smaller id.
        if let Some(older) = answer.filter(|timed_out| timed_out.alarm() < self.key.id()) {
            self.interruption.get_or_insert_with(|| older.clone());
        }
        match &mut self.stop {
            None if erred => self.stop = Some(Stop { check, later: 0 }),
            // Somebody has set the alarm again.
            Some(stop) if !erred => stop.later = 0,
            Some(stop) => stop.later += 1,
            None => {}
        }
        erred && self.stop.is_some_and(|stop| stop.later > self.patience)
    }

    pub(crate) fn checks(&self) -> u64 {
        self.places.len() as u64
    }

    /// What to say to a computation that takes no notice.
    pub(super) fn complaint(&self, location: &'static Location<'static>) -> String {
        let (check, later) = self.stop.map_or((0, 0), |stop| (stop.check, stop.later));
        let stopped = usize::try_from(check).ok().and_then(|check| self.places.get(check.wrapping_sub(1)));
        let stopped = stopped.unwrap_or(&location);
        format!(
            "stopped at check {check}, {stopped}, and still checking {later} checks later, at {location}: \
             it takes no notice of a `TimedOut` and may never end"
        )
    }
}

/// Far more than any way out takes, and a moment's work.
pub(crate) const PATIENCE: u64 = 100_000;
