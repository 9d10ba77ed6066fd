//! The bell is answered: what a check that has heard it comes to.

use std::panic::Location;

use super::expired::timed_out;
use super::state::{STATE, State};
use super::thread;
use crate::error::TimedOut;
use crate::os::flag::Flag;
use crate::os::preserve_all::Callee;
use crate::schedule::{Key, Scope};
use crate::time::Time;

/// The answer to a check of one alarm: itself, or the outermost of those that enclose it, has expired.
#[cold]
#[inline(never)]
pub(crate) fn answer(key: Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
    STATE.lock().ask_around(key, location)
}

/// The answer to a check of every alarm of the calling thread.
#[cold]
#[inline(never)]
pub(crate) fn answer_here(location: &'static Location<'static>) -> Result<(), TimedOut> {
    STATE.lock().ask_in(thread::scope(), location)
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
            self.schedule.count_around(key, location, now);
        }
        let Some(expired) = self.schedule.expired_around(key) else { return Ok(()) };
        let asked = self.schedule.get(key).map(|entry| entry.scope);
        self.time_out(expired, asked, now, location)
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
            self.schedule.count_in(scope, location, now);
        }
        let Some(expired) = self.schedule.expired_in(scope) else { return Ok(()) };
        self.time_out(expired, Some(scope), now, location)
    }

    /// The error of a check that has found an alarm expired; `asked` is the scope that it asked.
    fn time_out(
        &mut self,
        expired: Key,
        asked: Option<Scope>,
        now: Time,
        location: &'static Location<'static>,
    ) -> Result<(), TimedOut> {
        self.schedule.note_error(expired);
        let Some(entry) = self.schedule.get(expired) else { return Ok(()) };
        self.last_resorts.answered(&self.schedule, entry.scope);
        // The expired alarm may belong to another thread. The alarms of the asked scope have their answer by it too.
        if let Some(asked) = asked.filter(|asked| *asked != entry.scope) {
            self.last_resorts.answered(&self.schedule, asked);
        }
        timed_out(entry, now, location).map_or(Ok(()), Err)
    }
}

/// The answer to a ticker that was called: how many periods have passed since it was last asked.
pub(crate) static TICKS: Callee<Key, Flag, u64> = Callee::new(ticks);

extern "C" fn ticks(key: &Key, flag: &'static Flag) -> u64 {
    let (key, mut state) = (*key, STATE.lock());
    // One from before a fork. Its flag may have gone to a ticker of the child's, which is called by it.
    if state.schedule.get(key).is_none() {
        return 0;
    }
    // Before the look, for the reason that is given there.
    flag.clear();
    let now = state.look_aside();
    state.schedule.ticks(key, now)
}
