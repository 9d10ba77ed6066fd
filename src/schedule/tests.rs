//! Compares the schedule with a linear search.

use std::panic::Location;
use std::time::Duration;

use super::*;
use crate::error::Cause;
use crate::time::CpuClock;

#[derive(Clone, Debug)]
struct Naive {
    key: Key,
    scope: Scope,
    deadline: Time,
    expired: Option<Cause>,
}

#[derive(Default)]
struct Model(Vec<Naive>);

impl Model {
    fn expire(&mut self, now: Time) {
        for alarm in &mut self.0 {
            if !alarm.deadline.is_never() && alarm.deadline <= now {
                alarm.expired.get_or_insert(Cause::Deadline);
            }
        }
    }

    fn next_of(&self, scope: Scope) -> Time {
        let pending = self.0.iter().filter(|a| a.expired.is_none() && a.scope == scope);
        pending.map(|a| a.deadline).min().unwrap_or(Time::NEVER)
    }

    fn outermost(&self, scope: Scope, innermost: AlarmId) -> Option<AlarmId> {
        let expired = self.0.iter().filter(|a| a.scope == scope && a.expired.is_some());
        expired.map(|a| a.key.id).filter(|id| *id <= innermost).min()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) % n
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length.max(1) as u64) as usize
    }
}

fn terms(scope: u64, deadline: Time) -> Terms {
    let (scope, location) = (Scope(scope), Location::caller());
    Terms { scope, label: None, limit: None, deadline, location, more: None }
}

fn no_cpu(_: CpuClock) -> Option<Time> {
    None
}

const SCOPES: std::ops::Range<u64> = 0..7;

fn expire(schedule: &mut Schedule, now: Time) {
    SCOPES.for_each(|scope| schedule.expire(Scope(scope), now, no_cpu));
}

fn reschedule(schedule: &mut Schedule, key: Key, now: Time, deadline: Time) {
    schedule.change(key, |entry| entry.limit = (!deadline.is_never()).then(|| deadline.since(now)));
    schedule.restart(key, now, no_cpu);
}

fn at(nanos: u64) -> Time {
    Time::from_nanos(nanos)
}

fn play(seed: u64, steps: usize, alive: usize) {
    let mut random = Random(seed);
    let mut schedule = Schedule::new();
    let mut model = Model::default();
    let mut stale: Vec<Key> = Vec::new();
    let mut now = at(0);
    for step in 0..steps {
        let deadline = match random.below(8) {
            0 => Time::NEVER,
            1 => now,
            _ => now.after(Duration::from_nanos(random.below(40))),
        };
        let pick = random.index(model.0.len());
        match random.below(10) {
            0..=2 if model.0.len() < alive => {
                let scope = random.below(3);
                let key = schedule.insert(terms(scope, deadline), now);
                model.0.push(Naive { key, scope: Scope(scope), deadline, expired: None });
            }
            0..=4 if !model.0.is_empty() => {
                let gone = model.0.swap_remove(pick);
                assert!(schedule.remove(gone.key).is_some(), "a live key");
                stale.push(gone.key);
            }
            5 if !model.0.is_empty() => {
                schedule.ring(model.0[pick].key, Cause::Rung);
                model.0[pick].expired.get_or_insert(Cause::Rung);
            }
            6 if !model.0.is_empty() => {
                reschedule(&mut schedule, model.0[pick].key, now, deadline);
                model.0[pick].deadline = deadline;
                model.0[pick].expired = None;
            }
            7 => {
                now = now.after(Duration::from_nanos(random.below(30)));
                expire(&mut schedule, now);
                model.expire(now);
            }
            8 if !stale.is_empty() => {
                let key = stale[random.index(stale.len())];
                assert!(schedule.get(key).is_none() && schedule.remove(key).is_none());
                schedule.ring(key, Cause::Rung);
                reschedule(&mut schedule, key, now, now);
            }
            _ => {}
        }

        for scope in SCOPES.map(Scope) {
            let found = schedule.expired_around(None, scope).map(Key::id);
            let found = (found, schedule.next_of(scope), schedule.alarms_of(scope), schedule.any_expired());
            let alarms = model.0.iter().filter(|a| a.scope == scope).count();
            let any_expired = model.0.iter().any(|a| a.expired.is_some());
            let expected = (model.outermost(scope, INNERMOST), model.next_of(scope), alarms, any_expired);
            assert_eq!(found, expected, "seed {seed}, step {step}");
            assert_eq!(schedule.has_any_in(scope), alarms > 0);
        }
        assert_eq!(schedule.is_empty(), model.0.is_empty());
        for alarm in &model.0 {
            let entry = schedule.get(alarm.key).expect("a live key");
            let around = schedule.expired_around(Some(alarm.key), Scope::NONE).map(Key::id);
            let expected = (alarm.deadline, alarm.expired, model.outermost(alarm.scope, alarm.key.id));
            assert_eq!((entry.deadline, entry.expired, around), expected, "seed {seed}, step {step}");
        }
    }
}

#[test]
fn agrees_with_the_naive_list() {
    let (few, many, steps) = if cfg!(miri) { (1, 0, 60) } else { (60, 3, 500) };
    for seed in 0..few {
        play(seed, steps, 12);
    }
    for seed in 1_000..1_000 + many {
        play(seed, 4 * steps, 60);
    }
}

#[test]
fn a_reused_slot_has_no_old_state() {
    let mut schedule = Schedule::new();
    let old = schedule.insert(terms(1, Time::NEVER), at(0));
    schedule.ring(old, Cause::Rung);
    let standing = schedule.enter(old, Scope(2));
    assert_eq!(schedule.expired_around(None, Scope(2)).map(Key::id), Some(old.id()));
    schedule.remove(old);
    assert!(!schedule.has_any_in(Scope(2)), "the removed alarm is not entered any more");
    schedule.leave(standing);

    let new = schedule.insert(terms(1, at(10)), at(5));
    assert_eq!(new.slot(), old.slot());
    assert!(schedule.get(old).is_none());
    expire(&mut schedule, at(10));
    assert!(
        schedule.expired_around(None, Scope(1)).is_some()
            && schedule.expired_around(None, Scope(2)).is_none()
    );
    schedule.extend(new, Duration::from_nanos(5));
    let entry = schedule.get(new).expect("a live alarm");
    assert_eq!((entry.expired, entry.since), (None, at(5)));
}

#[test]
fn a_wait_ends_for_own_entered_and_enclosing_alarms() {
    let mut schedule = Schedule::new();
    let (here, there) = (Scope(1), Scope(2));
    let outer = schedule.insert(terms(2, at(10)), at(0));
    let entered = schedule.insert(terms(2, at(20)), at(0));
    let own = schedule.insert(terms(1, at(30)), at(0));
    assert_eq!(schedule.next_for(here, None), at(30));
    assert_eq!(schedule.next_for(here, Some(entered)), at(10), "under an alarm of another thread");
    assert!(!schedule.is_expired_for(here, Some(entered)));

    let standing = schedule.enter(entered, here);
    assert_eq!(schedule.next_for(here, None), at(10));
    let back = schedule.enter(own, there);
    assert_eq!(schedule.next_for(there, None), at(10));
    schedule.expire(there, at(10), no_cpu);
    assert_eq!(schedule.next_for(here, None), at(20));
    assert!(schedule.is_expired_for(here, None), "an alarm that encloses the entered alarm has expired");
    schedule.leave(standing);
    schedule.leave(back);
    assert!(!schedule.is_expired_for(here, None) && schedule.is_expired_for(here, Some(outer)));
    assert_eq!(schedule.next_for(here, None), at(30));
}
