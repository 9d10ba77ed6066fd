use std::time::Duration;

use super::{Budget, Entry, Key, More, Schedule, Scope};
use crate::error::Cause;
use crate::time::{CpuClock, Time};

const SHORTEST_PROBE: Duration = Duration::from_micros(500);

impl Schedule {
    pub(crate) fn restart(&mut self, key: Key, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time>) {
        self.change(key, |entry| {
            entry.since = now;
            entry.deadline = entry.limit.map_or(Time::NEVER, |limit| now.after(limit));
            if let Some(more) = entry.more.as_deref_mut() {
                if let Some(cpu) = &mut more.cpu {
                    cpu.since = cpu_now(cpu.clock).unwrap_or(cpu.since);
                }
                more.budget.iter_mut().for_each(Budget::restart);
                more.paused = more.paused.map(|(_, pauses)| (now, pauses));
            }
            entry.plan_probe(now);
            (entry.expired, entry.rung) = (None, None);
        });
    }

    pub(crate) fn extend(&mut self, key: Key, more: Duration) {
        self.change(key, |entry| {
            if entry.deadline.is_never() {
                return;
            }
            entry.deadline = entry.deadline.after(more);
            // An alarm that was armed after its deadline has the limit zero, so `limit + more` would be too long.
            entry.limit = (!entry.deadline.is_never()).then(|| entry.deadline.since(entry.since));
            entry.expired = entry.expired.filter(|cause| *cause != Cause::Deadline).or(entry.rung);
        });
    }

    /// Pauses a pending alarm. Several threads may pause it at once, and each calls `unpause`.
    pub(crate) fn pause(&mut self, key: Key, now: Time) -> bool {
        let is_pending = self.change(key, |entry| {
            let is_pending = entry.expired.is_none();
            if is_pending {
                let more = entry.more.get_or_insert_with(|| Box::new(More::NONE));
                more.paused.get_or_insert((now, 0)).1 += 1;
            }
            is_pending
        });
        is_pending == Some(true)
    }

    /// Returns whether this was the last pause.
    pub(crate) fn unpause(&mut self, key: Key, now: Time) -> bool {
        let is_last = self.change(key, |entry| {
            let Some(more) = entry.more.as_deref_mut() else { return false };
            let Some((since, pauses)) = &mut more.paused else { return false };
            *pauses -= 1;
            if *pauses > 0 {
                return false;
            }
            let pause = now.since(*since);
            more.paused = None;
            entry.since = entry.since.after(pause);
            entry.deadline = entry.deadline.after(pause);
            true
        });
        is_last == Some(true)
    }

    pub(crate) fn disarm(&mut self, key: Key) {
        self.change(key, |entry| {
            entry.deadline = Time::NEVER;
            if let Some(more) = entry.more.as_deref_mut() {
                more.budget.iter_mut().for_each(Budget::suspend);
                more.cpu.iter_mut().for_each(|cpu| cpu.probe = Time::NEVER);
            }
            (entry.expired, entry.rung) = (None, None);
        });
    }

    pub(crate) fn ring(&mut self, key: Key, cause: Cause) {
        self.change(key, |entry| {
            entry.expired.get_or_insert(cause);
            entry.rung.get_or_insert(cause);
        });
    }

    pub(crate) fn expire(&mut self, scope: Scope, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time>) {
        while let Some((_, slot)) = self.first_of(scope).filter(|&(moment, _)| moment <= now) {
            let key = Key::new(self.entries.at(slot).id, slot);
            self.change(key, |entry| {
                if let Some(period) = entry.more().period {
                    let begun = now.since(entry.since).as_nanos() % period.as_nanos();
                    entry.deadline = now.after(period - Duration::from_nanos(begun as u64));
                } else if entry.due() <= now {
                    entry.expired = Some(Cause::Deadline);
                } else if let Some(cpu) = entry.more().cpu {
                    // An ended thread has no clock. It uses no more processor time, so the alarm must not expire.
                    let used = cpu_now(cpu.clock).map_or(Duration::ZERO, |clock| clock.since(cpu.since));
                    let left = cpu.limit.saturating_sub(used);
                    match entry.cpu_mut() {
                        Some(cpu) if !left.is_zero() => cpu.probe = now.after(left.max(SHORTEST_PROBE)),
                        _ => entry.expired = Some(Cause::Cpu),
                    }
                }
            });
        }
    }

    pub(crate) fn signal(&mut self, number: usize) -> bool {
        let listens = |entry: &Entry| entry.expired.is_none() && entry.more().signals & (1 << number) != 0;
        let mut keys = self.listeners.clone();
        keys.retain(|key| self.get(*key).is_some_and(listens));
        keys.iter().for_each(|key| self.ring(*key, Cause::Signal(number as i32)));
        !keys.is_empty()
    }
}
