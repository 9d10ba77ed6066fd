//! Alarms that are only rehearsed.
//!
//! A thread that rehearses stands on a *stage*. The alarms that it arms there live by the stage's clock, which moves
//! when it is told to; the kernel never hears of them. A *script* counts the checks that come, and says at which of
//! them the alarm of the rehearsal expires.
//!
//! A stage is a schedule of its own, for the schedule is handed its moments and does not mind whose they are. It stands
//! under the same lock as the one of real life, so that a fork finds it in order: the child has no stages, and what it
//! inherits of one means nothing.
//!
//! While there is a stage the bell stays rung, so that every check comes to be asked and the hot path knows of nothing.

use std::mem;
use std::panic::Location;
use std::time::Duration;

use super::Plan;
use super::expired::{Moment, timed_out};
use super::script::Script;
use crate::error::TimedOut;
use crate::os::clock;
use crate::schedule::{Cpu, Key, More, Schedule, Scope, StageId, Terms};
use crate::time::Time;

/// All rehearsals of the process.
#[derive(Debug)]
pub(super) struct Stages {
    stages: Vec<Stage>,
    last: u32,
}

#[derive(Debug)]
pub(super) struct Stage {
    id: StageId,
    /// The thread that rehearses.
    pub(super) scope: Scope,
    pub(super) schedule: Schedule,
    /// What the stage's clock shows.
    pub(super) now: Time,
    /// The outermost first.
    pub(super) scripts: Vec<Script>,
}

/// What a stage answers to a check.
pub(super) enum Answer {
    Fine,
    Expired(TimedOut),
    /// The computation has been told so very often: what to say to it.
    Runaway(TimedOut, String),
}

impl Stages {
    pub(super) const fn new() -> Stages {
        Stages { stages: Vec::new(), last: 0 }
    }

    /// For a forked child: none, and no key from before will name one of the child's.
    pub(super) fn start_again(&mut self) {
        mem::forget(mem::take(&mut self.stages));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    pub(super) fn get(&mut self, id: StageId) -> Option<&mut Stage> {
        self.stages.iter_mut().find(|stage| stage.id == id)
    }

    /// A new stage for a thread. Its clock begins at the real moment, so that an `Instant` means the same to both.
    pub(super) fn put_up(&mut self, scope: Scope, now: Time) -> StageId {
        // After four billion they begin again: past *none*, and past those that still stand.
        let mut id = StageId::NONE;
        while !id.is_some() || self.get(id).is_some() {
            self.last = self.last.wrapping_add(1);
            id = StageId(self.last);
        }
        let schedule = Schedule::of(id);
        self.stages.push(Stage { id, scope, schedule, now, scripts: Vec::new() });
        id
    }

    pub(super) fn take_down(&mut self, id: StageId) -> Option<Stage> {
        let at = self.stages.iter().position(|stage| stage.id == id)?;
        Some(self.stages.remove(at))
    }

    /// The stages that a check asks: the one on which the thread stands, that of the alarm in question, and, where no
    /// alarm is in question, those whose alarms are this thread's guests.
    pub(super) fn asked_by(
        &mut self,
        own: StageId,
        key: Option<Key>,
        scope: Scope,
    ) -> impl Iterator<Item = &mut Stage> {
        self.stages.iter_mut().filter(move |stage| match key {
            _ if stage.id == own => true,
            Some(key) => key.stage() == stage.id,
            None => stage.schedule.has_any_in(scope),
        })
    }
}

impl Stage {
    /// Arms an alarm here. No signal handler is installed for it, nothing is audited, and no last resort ends the
    /// process; processor time is what the stage's clock shows.
    pub(super) fn arm(&mut self, plan: Plan<'_>, scope: Scope, life: &mut Schedule) -> Key {
        let now = self.now;
        let (limit, deadline) = plan.due.from(now);
        let more = plan.wishes.map(|wishes| {
            let cpu = wishes.cpu.map(|(_, limit)| Cpu::new(clock::PROCESS_CPU, limit, now));
            let checks_left = wishes.checks.unwrap_or(0);
            Box::new(More { cpu, checks: wishes.checks, checks_left, ..More::default() })
        });
        self.insert(Terms { scope, label: plan.label.cloned(), limit, deadline, more }, life)
    }

    pub(super) fn arm_ticker(&mut self, period: Duration, scope: Scope, life: &mut Schedule) -> Key {
        let more = Some(Box::new(More { period: Some(period), ..More::default() }));
        self.insert(Terms { scope, label: None, limit: None, deadline: self.now.after(period), more }, life)
    }

    fn insert(&mut self, terms: Terms, life: &mut Schedule) -> Key {
        self.schedule.take_id_from(life);
        let key = self.schedule.insert(terms, self.now);
        self.settle();
        key
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { now: self.now, rehearsed: true }
    }

    pub(super) fn settle(&mut self) {
        let moment = self.moment();
        self.schedule.expire(moment.now, |clock| moment.cpu(clock));
    }

    /// Moves the clock.
    pub(super) fn advance(&mut self, time: Duration) {
        // Short of *never*, which is no moment.
        self.now = self.now.after(time).min(Time::from_nanos(Time::NEVER.as_nanos() - 1));
        self.settle();
    }

    /// Answers a check, of the alarm of `key` or of all of a thread. What real life has answered comes first.
    ///
    /// The scripts count every check that the thread makes and every one of an alarm of theirs, and their alarms
    /// enclose all of them: also those of alarms that are older than the rehearsal.
    pub(super) fn check(
        &mut self,
        key: Option<Key>,
        scope: Scope,
        location: &'static Location<'static>,
        real: Option<&TimedOut>,
    ) -> Answer {
        match key {
            Some(key) if key.stage() == self.id => self.schedule.count_around(key),
            Some(_) => {}
            None => self.schedule.count_in(scope),
        }
        for script in &mut self.scripts {
            script.count(location, &mut self.schedule, self.now);
        }
        let verdict = real.cloned().or_else(|| self.verdict(key, scope, location));
        let mut complaint = None;
        for script in &mut self.scripts {
            if script.note(verdict.as_ref()) {
                complaint = Some(script.complaint(location));
            }
        }
        match (verdict, complaint) {
            (None, _) => Answer::Fine,
            (Some(timed_out), None) => Answer::Expired(timed_out),
            (Some(timed_out), Some(complaint)) => Answer::Runaway(timed_out, complaint),
        }
    }

    /// The outermost that has expired: of the rehearsals' alarms, and of those that the question is about.
    pub(super) fn verdict(
        &self,
        key: Option<Key>,
        scope: Scope,
        location: &'static Location<'static>,
    ) -> Option<TimedOut> {
        let asked = match key {
            Some(key) if key.stage() == self.id => self.schedule.expired_around(key),
            Some(_) => None,
            None => self.schedule.expired_in(scope),
        };
        let scripted = self.scripts.iter().filter_map(|script| self.schedule.get(script.key));
        let entry =
            asked.into_iter().chain(scripted.filter(|entry| entry.expired.is_some())).min_by_key(|e| e.id)?;
        timed_out(entry, self.moment(), location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_again_and_are_never_those_of_two() {
        let mut stages = Stages::new();
        let mut put_up = || stages.put_up(Scope(1), Time::from_nanos(0)).0;
        assert_eq!([put_up(), put_up()], [1, 2]);
        assert!(stages.take_down(StageId(1)).is_some());
        stages.last = u32::MAX - 1;
        let mut put_up = || stages.put_up(Scope(1), Time::from_nanos(0)).0;
        assert_eq!([put_up(), put_up(), put_up()], [u32::MAX, 1, 3]);
    }
}
