//! Which alarms live, and what is due: pure data.
//!
//! No clock, no lock, no operating system: the moment is passed in, so that a test can play through years in a microsecond
//! and compare every answer with a naive list. Only the ids come from outside, from one counter for all implementations.
//!
//! Alarms and tickers are entries. A ticker's deadline moves on by its period and it never expires.
//!
//! An alarm is *pending* until its deadline, then *expired* until it is removed or rescheduled. Pending alarms are kept
//! thread by thread in the order of their deadlines, since each thread has a timer of its own. Expired ones are kept in the
//! order in which they enclose each other: a check asks which is the outermost that has expired. Every operation is
//! logarithmic in the number of alarms alive.
//!
//! What a nested guard goes through when it is armed and dropped is inlined into its callers: a plain alarm has none of the
//! things that most of it is about, and a compiler that sees it whole leaves a third of it out.

mod budget;
mod entry;
mod queue;
pub(crate) mod signals;
mod slots;

use std::collections::BTreeSet;
use std::mem::{self, ManuallyDrop};
use std::num::NonZeroUsize;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sigalarm_core::implementer;

pub(crate) use self::budget::Budget;
pub(crate) use self::entry::{Cpu, Entry, More, Removed, Terms};
use self::entry::{Listing, periods, times};
pub(crate) use self::queue::{Positions, Queue};
use self::signals::SIGNALS;
use self::slots::Slots;
use crate::error::{AlarmId, Cause};
use crate::time::{CpuClock, Time};

/// Before all alarms, and after all.
const OUTERMOST: AlarmId = implementer::id(0);
pub(crate) const INNERMOST: AlarmId = implementer::id(u64::MAX);

/// A thread, as far as alarms go: the alarms of one scope enclose each other in the order of their ids. No two threads of a
/// process ever have the same; the index of one that has ended is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(pub(crate) u64);

impl Scope {
    /// A thread that has never had an alarm.
    pub(crate) const NONE: Scope = Scope(0);

    pub(crate) fn new(serial: u32, index: usize) -> Scope {
        Scope(u64::from(serial) << 32 | index as u64)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as u32 as usize
    }
}

/// Names an alarm from outside. The id tells a stale key from a slot that has been given to another alarm, as happens to a
/// guard that a forked child inherits.
///
/// Two words, also as an `Option`, for two travel in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    id: AlarmId,
    /// The slot and one more.
    place: NonZeroUsize,
}

impl Key {
    fn new(id: AlarmId, slot: usize) -> Key {
        Key { id, place: NonZeroUsize::MIN.saturating_add(slot) }
    }

    pub(crate) fn id(self) -> AlarmId {
        self.id
    }

    fn slot(self) -> usize {
        self.place.get() - 1
    }
}

/// Where an alarm stands among those of a thread that is not its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    scope: Scope,
    /// Of the same kind as the ids of the thread's own alarms, so that all have one order.
    order: AlarmId,
    key: Key,
}

/// The pending alarms of one thread, and how many alarms it has.
#[derive(Debug)]
struct Thread {
    pending: Queue,
    alarms: usize,
    /// Its checks pass over alarms up to this one.
    shield: AlarmId,
}

/// All live alarms.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slots,
    threads: Vec<Thread>,
    positions: Positions,
    /// Expired alarms, scope by scope, the outermost first.
    expired: BTreeSet<(Scope, AlarmId, usize)>,
    /// Alarms that count checks, expired or not. Few, as a rule one.
    counting: Vec<(Scope, Key)>,
    /// How many alarms listen to each signal and have not expired.
    listening: [usize; SIGNALS],
    /// Alarms on threads that are not their own, scope by scope, the outermost first.
    guests: BTreeSet<(Scope, AlarmId, usize)>,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule {
            entries: Slots::new(),
            threads: Vec::new(),
            positions: Positions::new(),
            expired: BTreeSet::new(),
            counting: Vec::new(),
            listening: [0; SIGNALS],
            guests: BTreeSet::new(),
        }
    }

    /// In a forked child: none of the alarms is there any more.
    ///
    /// What it held is handed out and not dropped: nothing is freed in a child.
    pub(crate) fn start_again(&mut self) -> Option<ManuallyDrop<Schedule>> {
        (!self.is_empty()).then(|| ManuallyDrop::new(mem::replace(self, Schedule::new())))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn any_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    /// The earliest deadline to come of the alarms that a thread has armed; *never* if there is none.
    #[inline(always)]
    pub(crate) fn next_of(&self, scope: Scope) -> Time {
        let first = self.threads.get(scope.index()).and_then(|thread| thread.pending.first());
        first.map_or(Time::NEVER, |(deadline, _)| deadline)
    }

    /// The earliest deadline to come that can end a wait of this thread, under the alarm of `key` if there is one: of the
    /// thread's own alarms, of those that it has entered, and of those that enclose any of them.
    pub(crate) fn next_for(&self, scope: Scope, key: Option<Key>) -> Time {
        let under = key.and_then(|key| self.get(key)).map(|entry| self.next_within(entry.scope, entry.id));
        self.next_within(scope, INNERMOST).min(under.unwrap_or(Time::NEVER))
    }

    fn next_within(&self, scope: Scope, innermost: AlarmId) -> Time {
        // This ends as `outermost` does.
        let guests = self.guests_in(scope, innermost).map(|guest| self.next_within(guest.scope, guest.id));
        guests.min().unwrap_or(Time::NEVER).min(self.next_of(scope))
    }

    /// Whether an alarm has expired that ends a wait of this thread; `key` as in [`next_for`](Schedule::next_for).
    pub(crate) fn is_expired_for(&self, scope: Scope, key: Option<Key>) -> bool {
        self.any_expired()
            && (self.expired_in(scope).is_some()
                || key.is_some_and(|key| self.expired_around(key, scope).is_some()))
    }

    /// Whether a thread has an alarm, its own or one that it has entered.
    pub(crate) fn has_any_in(&self, scope: Scope) -> bool {
        self.alarms_of(scope) > 0 || self.guests_in(scope, INNERMOST).next().is_some()
    }

    /// How many alarms a thread has armed that live.
    pub(crate) fn alarms_of(&self, scope: Scope) -> usize {
        self.threads.get(scope.index()).map_or(0, |thread| thread.alarms)
    }

    /// Adds an alarm. It is pending, even if its deadline has passed: [`expire`](Schedule::expire) tells.
    #[inline(always)]
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = implementer::next_id();
        let (scope, deadline, is_plain) = (terms.scope, terms.deadline, terms.more.is_none());
        let (slot, entry) = self.entries.insert(id, terms, now);
        let key = Key::new(id, slot);
        // Whether it is plain the compiler knows where the alarm is armed, and not what the entry in memory says.
        let listing = match is_plain {
            true => Listing::plain(scope, deadline),
            false => {
                entry.plan_probe(now);
                if entry.budget().is_some() {
                    self.counting.push((scope, key));
                }
                Listing::of(entry)
            }
        };
        let index = scope.index();
        if index >= self.threads.len() {
            self.add_threads(index);
        }
        self.threads[index].alarms += 1;
        self.list(listing, key);
        key
    }

    #[cold]
    fn add_threads(&mut self, index: usize) {
        let thread = || Thread { pending: Queue::new(), alarms: 0, shield: OUTERMOST };
        self.threads.resize_with(index + 1, thread);
    }

    /// Removes an alarm; `None` for a stale key.
    #[inline(always)]
    pub(crate) fn remove(&mut self, key: Key) -> Option<Removed> {
        let entry = self.entries.get(key)?;
        let listing = Listing::of(entry);
        if entry.guest_on > 0 {
            self.guests.retain(|&(.., slot)| slot != key.slot());
        }
        if entry.budget().is_some() {
            self.counting.retain(|(_, other)| *other != key);
        }
        self.unlist(listing, key);
        self.threads[listing.scope.index()].alarms -= 1;
        Some(self.entries.remove(key.slot()))
    }

    /// Makes an alarm one of `scope`'s as well, the innermost.
    pub(crate) fn enter(&mut self, key: Key, scope: Scope) -> Standing {
        let standing = Standing { scope, order: implementer::next_id(), key };
        // On its own thread it is asked already.
        let entry = self.entries.get_mut(key).filter(|entry| entry.scope != scope);
        if let Some(entry) = entry {
            entry.guest_on += 1;
            self.guests.insert((scope, standing.order, key.slot()));
        }
        standing
    }

    /// Undoes an [`enter`](Schedule::enter).
    pub(crate) fn leave(&mut self, standing: Standing) {
        let key = standing.key;
        if let Some(entry) = self.entries.get_mut(key) {
            if self.guests.remove(&(standing.scope, standing.order, key.slot())) {
                entry.guest_on -= 1;
            }
        }
    }

    /// The alarm of that id. It looks at every alarm.
    pub(crate) fn find(&self, id: AlarmId) -> Option<&Entry> {
        self.entries.iter().map(|(_, entry)| entry).find(|entry| entry.id == id)
    }

    /// The alarm of that key; `None` for a stale one.
    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Begins an alarm again, as it was when it was armed; `cpu_now` reads a processor clock.
    pub(crate) fn restart(&mut self, key: Key, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time>) {
        self.change(key, |entry| {
            entry.since = now;
            entry.deadline = entry.limit.map_or(Time::NEVER, |limit| now.after(limit));
            if let Some(more) = entry.more.as_deref_mut() {
                if let Some(cpu) = &mut more.cpu {
                    cpu.since = cpu_now(cpu.clock).unwrap_or(cpu.since);
                }
                if let Some(budget) = &mut more.budget {
                    budget.restart();
                }
                more.paused = more.paused.map(|_| now);
            }
            entry.plan_probe(now);
            entry.expired = None;
            entry.rung = None;
        });
    }

    /// Moves an alarm's deadline; an expiry by the deadline is taken back if the new one has not passed.
    pub(crate) fn extend(&mut self, key: Key, more: Duration) {
        self.change(key, |entry| {
            // A disarmed alarm keeps its limit for when it is started again.
            if entry.deadline.is_never() {
                return;
            }
            entry.deadline = entry.deadline.after(more);
            // Not the limit and what is added to it: a deadline that had passed when it was armed had no time to it.
            entry.limit = (!entry.deadline.is_never()).then(|| entry.deadline.since(entry.since));
            entry.expired = entry.expired.filter(|cause| *cause != Cause::Deadline).or(entry.rung);
        });
    }

    /// The alarms that a thread has armed, the outermost first.
    pub(crate) fn path(&self, scope: Scope) -> Vec<(Key, &Entry)> {
        let is_own = |entry: &Entry| entry.scope == scope && entry.period().is_none();
        let alarms = self.entries.iter().filter(|(_, entry)| is_own(entry));
        let mut path: Vec<_> = alarms.map(|(slot, entry)| (Key::new(entry.id, slot), entry)).collect();
        path.sort_by_key(|(key, _)| key.id);
        path
    }

    /// From now on no time counts for an alarm, if it has not expired; says whether that is new.
    pub(crate) fn pause(&mut self, key: Key, now: Time) -> bool {
        let can_be = |entry: &Entry| entry.expired.is_none() && entry.paused().is_none();
        let is_new = self.get(key).is_some_and(can_be);
        if is_new {
            self.change(key, |entry| entry.more.get_or_insert_default().paused = Some(now));
        }
        is_new
    }

    /// Time counts again.
    pub(crate) fn unpause(&mut self, key: Key, now: Time) {
        self.change(key, |entry| {
            let paused = entry.more.as_deref_mut().and_then(|more| more.paused.take());
            let pause = paused.map_or(Duration::ZERO, |since| now.since(since));
            entry.since = entry.since.after(pause);
            entry.deadline = entry.deadline.after(pause);
        });
    }

    /// Has the checks of a thread pass over the alarms that are armed now; returns what was so before.
    pub(crate) fn shield(&mut self, scope: Scope) -> AlarmId {
        self.set_shield(scope, implementer::next_id())
    }

    /// Undoes a [`shield`](Schedule::shield).
    pub(crate) fn set_shield(&mut self, scope: Scope, last: AlarmId) -> AlarmId {
        let index = scope.index();
        if index >= self.threads.len() {
            self.add_threads(index);
        }
        mem::replace(&mut self.threads[index].shield, last)
    }

    /// Up to which alarm the checks of a thread pass over alarms.
    pub(crate) fn shield_of(&self, scope: Scope) -> AlarmId {
        let thread = self.threads.get(scope.index()).filter(|_| scope != Scope::NONE);
        thread.map_or(OUTERMOST, |thread| thread.shield)
    }

    /// Takes every limit off until a [`restart`](Schedule::restart).
    pub(crate) fn disarm(&mut self, key: Key) {
        self.change(key, |entry| {
            entry.deadline = Time::NEVER;
            if let Some(budget) = entry.budget_mut() {
                budget.suspend();
            }
            if let Some(cpu) = entry.cpu_mut() {
                cpu.probe = Time::NEVER;
            }
            entry.expired = None;
            entry.rung = None;
        });
    }

    /// Expires an alarm now. One that has expired already keeps its first cause.
    pub(crate) fn ring(&mut self, key: Key, cause: Cause) {
        self.change(key, |entry| {
            entry.expired.get_or_insert(cause);
            entry.rung.get_or_insert(cause);
        });
    }

    /// Expires every alarm of a thread whose deadline is not after `now`, or whose processor time is used up; `cpu_now`
    /// reads a processor clock.
    pub(crate) fn expire(&mut self, scope: Scope, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time>) {
        while let Some((_, slot)) = self.first_of(scope).filter(|&(moment, _)| moment <= now) {
            let key = Key::new(self.entries.at(slot).id, slot);
            self.change(key, |entry| {
                if let Some(period) = entry.period() {
                    let passed = periods(now.since(entry.since), period);
                    entry.deadline = entry.since.after(times(period, passed.saturating_add(1)));
                } else if entry.due() <= now {
                    entry.expired = Some(Cause::Deadline);
                } else if let Some(cpu) = entry.cpu() {
                    // A clock that is gone, with its thread, does not go on.
                    let used = cpu_now(cpu.clock).map_or(Duration::ZERO, |clock| clock.since(cpu.since));
                    match (cpu.limit.checked_sub(used).filter(|left| !left.is_zero()), entry.cpu_mut()) {
                        (Some(left), Some(cpu)) => cpu.probe = now.after(left.max(SHORTEST_PROBE)),
                        _ => entry.expired = Some(Cause::Cpu),
                    }
                }
            });
        }
    }

    fn first_of(&self, scope: Scope) -> Option<(Time, usize)> {
        self.threads.get(scope.index()).and_then(|thread| thread.pending.first())
    }

    /// Expires every alarm that listens to a signal; says whether there was one.
    pub(crate) fn signal(&mut self, number: usize) -> bool {
        let bit = 1 << number;
        let listens = |entry: &Entry| entry.signals() & bit != 0 && entry.expired.is_none();
        let listeners = self.entries.iter().filter(|(_, entry)| listens(entry));
        let keys: Vec<Key> = listeners.map(|(slot, entry)| Key::new(entry.id, slot)).collect();
        for key in &keys {
            self.ring(*key, Cause::Signal(number as i32));
        }
        !keys.is_empty()
    }

    /// How many alarms listen to each signal and have not expired.
    pub(crate) fn listening(&self) -> &[usize; SIGNALS] {
        &self.listening
    }

    /// Whether any alarm counts checks.
    pub(crate) fn any_counting(&self) -> bool {
        !self.counting.is_empty()
    }

    /// Expires what is due among the threads with alarms that count checks: with a budget a deadline needs no timer.
    pub(crate) fn expire_counting(&mut self, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time> + Copy) {
        for at in 0..self.counting.len() {
            self.expire(self.counting[at].0, now, cpu_now);
        }
    }

    /// Counts a check that `asker` makes of the alarm of `key`, for it and for those that enclose it.
    pub(crate) fn count_around(
        &mut self,
        key: Key,
        asker: Scope,
        location: &'static Location<'static>,
        now: Time,
    ) {
        let shield = self.shield_of(asker);
        if let Some(entry) = self.get(key) {
            self.count((entry.scope, entry.id), shield, location, now);
        }
    }

    /// Counts a check of a scope's alarms up to that id, without those up to the shield.
    pub(crate) fn count(
        &mut self,
        (scope, innermost): (Scope, AlarmId),
        shield: AlarmId,
        location: &'static Location<'static>,
        now: Time,
    ) {
        for at in 0..self.counting.len() {
            let (home, key) = self.counting[at];
            if home != scope || key.id > innermost || key.id <= shield {
                continue;
            }
            let budget = self.entries.get_mut(key).and_then(Entry::budget_mut);
            if budget.is_some_and(|budget| budget.count(location)) {
                self.change(key, |entry| entry.spend_budget(now));
            }
        }
        if self.guests.is_empty() {
            return;
        }
        // As in `outermost`: what encloses an entered alarm on its own thread is asked here too.
        let guests: Vec<(Scope, AlarmId)> =
            self.guests_in(scope, innermost).map(|guest| (guest.scope, guest.id)).collect();
        for guest in guests {
            self.count(guest, shield, location, now);
        }
    }

    /// A check returns an error for this alarm.
    pub(crate) fn note_error(&mut self, key: Key) {
        if let Some(budget) = self.entries.get_mut(key).and_then(Entry::budget_mut) {
            budget.note_error();
        }
    }

    /// How many periods of a ticker have passed since it was last asked.
    pub(crate) fn ticks(&mut self, key: Key, now: Time) -> u64 {
        let Some(entry) = self.entries.get_mut(key) else { return 0 };
        let passed = entry.period().map_or(0, |period| periods(now.since(entry.since), period));
        entry.more.as_deref_mut().map_or(0, |more| passed - mem::replace(&mut more.reported, passed))
    }

    /// The outermost expired alarm among those of `key`'s scope that enclose it, itself included, for a check that `asker`
    /// makes.
    pub(crate) fn expired_around(&self, key: Key, asker: Scope) -> Option<Key> {
        let own = self.get(key)?;
        self.outermost(own.scope, own.id, self.shield_of(asker))
    }

    /// The outermost expired alarm of a scope.
    pub(crate) fn expired_in(&self, scope: Scope) -> Option<Key> {
        self.outermost(scope, INNERMOST, self.shield_of(scope))
    }

    /// The outermost expired alarm of a scope up to that id, without those up to the shield.
    pub(crate) fn outermost(&self, scope: Scope, innermost: AlarmId, shield: AlarmId) -> Option<Key> {
        if self.expired.is_empty() || innermost <= shield {
            return None;
        }
        let range = (scope, shield, usize::MAX)..=(scope, innermost, usize::MAX);
        let own = self.expired.range(range).next().map(|&(_, id, slot)| Key::new(id, slot));
        let within = own.map_or(innermost, Key::id);
        // An entered alarm that stands outside of it, or what encloses that one on its own thread, comes first. This ends:
        // an alarm was armed before it was entered, so each step goes to smaller ids.
        self.guests_in(scope, within).find_map(|guest| self.outermost(guest.scope, guest.id, shield)).or(own)
    }

    /// The alarms that a thread has entered, the outermost first, up to those that stand at `innermost`.
    fn guests_in(&self, scope: Scope, innermost: AlarmId) -> impl Iterator<Item = &Entry> {
        let range = (scope, OUTERMOST, 0)..=(scope, innermost, usize::MAX);
        self.guests.range(range).map(|&(.., slot)| self.entries.at(slot))
    }

    /// Changes an alarm and keeps the lists in step.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let before = Listing::of(entry);
        change(entry);
        if let Some(flag) = entry.flag().filter(|_| entry.expired.is_some()) {
            flag.store(true, Ordering::SeqCst);
        }
        let after = Listing::of(entry);
        if before == after {
            return;
        }
        // What a restart does: the deadline moves, and that is all.
        let moved = Listing { moment: after.moment, ..before } == after && !after.expired;
        if moved && !before.moment.is_never() && !after.moment.is_never() {
            self.threads[after.scope.index()].pending.shift(&mut self.positions, after.moment, key.slot());
        } else {
            self.unlist(before, key);
            self.list(after, key);
        }
    }

    #[inline(always)]
    fn list(&mut self, listing: Listing, key: Key) {
        if listing.expired {
            self.expired.insert((listing.scope, key.id, key.slot()));
            return;
        }
        if !listing.moment.is_never() {
            self.threads[listing.scope.index()].pending.insert(
                &mut self.positions,
                listing.moment,
                key.slot(),
            );
        }
        signals::numbers(listing.signals).for_each(|number| self.listening[number] += 1);
    }

    #[inline(always)]
    fn unlist(&mut self, listing: Listing, key: Key) {
        if listing.expired {
            self.expired.remove(&(listing.scope, key.id, key.slot()));
            return;
        }
        if !listing.moment.is_never() {
            self.threads[listing.scope.index()].pending.remove(&mut self.positions, key.slot());
        }
        signals::numbers(listing.signals).for_each(|number| self.listening[number] -= 1);
    }
}

/// A process that shares its processor makes its processor time last; near the end of it, the clock is not read more often
/// than this.
const SHORTEST_PROBE: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests;
