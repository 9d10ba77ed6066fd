//! The bell is answered: what a check that has heard it comes to.

use std::panic::Location;

use super::expired::{Moment, timed_out};
use super::state::{STATE, State};
use super::{rehearsal, thread};
use crate::error::TimedOut;
use crate::os::flag::Flag;
use crate::os::preserve_all::Callee;
use crate::schedule::{Entry, Key, Scope};
use crate::time::Time;

/// The answer to a check of one alarm: itself, or the outermost of those that enclose it, has expired.
#[cold]
#[inline(never)]
pub(crate) fn answer(key: Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
    let mut state = STATE.lock();
    if !state.stages.is_empty() {
        return rehearsal::answer(state, Some(key), location);
    }
    state.ask_around(key, location)
}

/// The answer to a check of every alarm of the calling thread.
#[cold]
#[inline(never)]
pub(crate) fn answer_here(location: &'static Location<'static>) -> Result<(), TimedOut> {
    let mut state = STATE.lock();
    if !state.stages.is_empty() {
        return rehearsal::answer(state, None, location);
    }
    state.ask_in(thread::scope(), location)
}

impl State {
    /// Asks an alarm, and those that enclose it.
    pub(super) fn ask_around(
        &mut self,
        key: Key,
        location: &'static Location<'static>,
    ) -> Result<(), TimedOut> {
        let now = self.look();
        self.audits.answer(thread::scope(), now, location);
        if self.schedule.any_counting() {
            self.schedule.count_around(key);
        }
        let asked = || self.schedule.get(key).map(|entry| entry.scope);
        self.verdict(self.schedule.expired_around(key), asked, now, location)
    }

    /// Asks every alarm of a scope.
    pub(super) fn ask_in(
        &mut self,
        scope: Scope,
        location: &'static Location<'static>,
    ) -> Result<(), TimedOut> {
        let now = self.look();
        self.audits.answer(thread::scope(), now, location);
        if self.schedule.any_counting() {
            self.schedule.count_in(scope);
        }
        self.verdict(self.schedule.expired_in(scope), || Some(scope), now, location)
    }

    fn verdict(
        &self,
        expired: Option<&Entry>,
        asked: impl FnOnce() -> Option<Scope>,
        now: Time,
        location: &'static Location<'static>,
    ) -> Result<(), TimedOut> {
        let Some(entry) = expired else { return Ok(()) };
        self.last_resorts.answered(&self.schedule, entry.scope);
        // What is told of may be a guest here. Those who are at home have their answer by it all the same.
        if let Some(asked) = asked().filter(|asked| *asked != entry.scope) {
            self.last_resorts.answered(&self.schedule, asked);
        }
        timed_out(entry, Moment { now, rehearsed: false }, location).map_or(Ok(()), Err)
    }
}

/// The answer to a ticker that was called: how many periods have passed since it was last asked.
pub(crate) static TICKS: Callee<Key, Flag, u64> = Callee::new(ticks);

extern "C" fn ticks(key: &Key, flag: &'static Flag) -> u64 {
    let (key, mut state) = (*key, STATE.lock());
    if let Some((stage, _)) = state.rehearsed(key.stage()) {
        flag.clear();
        return stage.schedule.ticks(key, stage.now);
    }
    // One from before a fork. Its flag may have gone to a ticker of the child's, which is called by it.
    if state.schedule.get(key).is_none() {
        return 0;
    }
    // Before the look, for the reason that is given there.
    flag.clear();
    let now = state.look_aside();
    state.schedule.ticks(key, now)
}
