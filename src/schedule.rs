//! Which alarms live, and what is due: pure data.
//!
//! No clock, no lock, no operating system in here: the moment is handed in, so that a test can play through
//! years in a microsecond and hold every answer against a naive list.
//!
//! Alarms and tickers are entries. A ticker's deadline moves on by its period and it never expires.
//!
//! An alarm is *pending* until its deadline, then *expired* until it is removed or rescheduled. Pending alarms
//! are kept in the order of their deadlines; expired ones in the order in which their scopes enclose each
//! other, for the question that a check asks is "which is the outermost that has expired?". All of it is
//! logarithmic in the number of alarms alive.
//!
//! What a nested guard goes through when it comes and when it goes is inlined, wherever it is called from: a plain
//! alarm has none of the things that most of it is about, and a compiler that sees it whole leaves a third of it out.

mod budget;
mod queue;
pub(crate) mod signals;
mod slots;

use std::collections::BTreeSet;
use std::mem::{self, ManuallyDrop};
use std::num::NonZeroU64;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::budget::Budget;
use self::queue::Queue;
use self::signals::SIGNALS;
use self::slots::Slots;
use crate::error::{AlarmId, Cause};
use crate::time::{CpuClock, Time};

/// A thread, as far as alarms go: the alarms of one scope enclose each other in the order of their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(pub(crate) u64);

/// Names an alarm from outside. The id tells a stale key from a slot that has been given to another alarm, as
/// happens to a guard that a forked child inherits.
///
/// Two words, for two travel in registers; and never all zeroes, so that "a key, or why there is none" is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    id: AlarmId,
    /// The slot, and one more than that.
    place: NonZeroU64,
}

impl Key {
    fn new(slot: usize, id: AlarmId) -> Key {
        Key { id, place: NonZeroU64::MIN.saturating_add(slot as u64) }
    }

    pub(crate) fn id(self) -> AlarmId {
        self.id
    }

    fn slot(self) -> usize {
        (self.place.get() - 1) as usize
    }
}

/// What an alarm is armed with.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    /// `None` for an alarm without a deadline.
    pub(crate) limit: Option<Duration>,
    pub(crate) deadline: Time,
    /// Whether it needs neither timer nor handler.
    pub(crate) stands_by: bool,
    /// What few alarms have, kept apart so that the others stay small.
    pub(crate) more: Option<Box<More>>,
}

/// What few alarms have, and what a ticker has.
#[derive(Clone, Debug, Default)]
pub(crate) struct More {
    /// A limit on processor time.
    pub(crate) cpu: Option<Cpu>,
    /// A limit on the number of checks.
    pub(crate) budget: Option<Budget>,
    /// The signals that expire it, a bit for each.
    pub(crate) signals: u32,
    /// For a ticker.
    pub(crate) period: Option<Duration>,
    /// How many periods the ticker has told of.
    pub(crate) told: u64,
}

/// A limit on processor time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    pub(crate) clock: CpuClock,
    pub(crate) limit: Duration,
    /// What the clock showed when the computation began.
    pub(crate) since: Time,
    /// When to look at the clock again: it cannot have reached the limit before.
    probe: Time,
}

impl Cpu {
    /// A limit on what `clock` shows from now on, when it shows `since`.
    pub(crate) fn new(clock: CpuClock, limit: Duration, since: Time) -> Cpu {
        Cpu { clock, limit, since, probe: Time::NEVER }
    }
}

/// A live alarm.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: AlarmId,
    pub(crate) scope: Scope,
    pub(crate) label: Option<Arc<str>>,
    pub(crate) limit: Option<Duration>,
    /// When the computation began: armed, or last restarted.
    pub(crate) since: Time,
    pub(crate) deadline: Time,
    more: Option<Box<More>>,
    /// Why it has expired, if it has.
    pub(crate) expired: Option<Cause>,
    /// It was rung, perhaps after it had expired by its deadline, which can still be moved.
    rung: Option<Cause>,
    /// How many other threads it stands on.
    guest_on: u32,
    stands_by: bool,
}

impl Entry {
    pub(crate) fn cpu(&self) -> Option<Cpu> {
        self.more.as_deref().and_then(|more| more.cpu)
    }

    pub(crate) fn signals(&self) -> u32 {
        self.more.as_deref().map_or(0, |more| more.signals)
    }

    pub(crate) fn budget(&self) -> Option<&Budget> {
        self.more.as_deref().and_then(|more| more.budget.as_ref())
    }

    fn budget_mut(&mut self) -> Option<&mut Budget> {
        self.more.as_deref_mut().and_then(|more| more.budget.as_mut())
    }

    fn period(&self) -> Option<Duration> {
        self.more.as_deref().and_then(|more| more.period)
    }

    /// Whether it has a deadline at most.
    pub(crate) fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    fn cpu_mut(&mut self) -> Option<&mut Cpu> {
        self.more.as_deref_mut().and_then(|more| more.cpu.as_mut())
    }

    /// Expires it for its budget, unless it has expired already.
    fn spend_budget(&mut self, now: Time) {
        if let Some(budget) = self.more.as_deref_mut().and_then(|more| more.budget.as_mut()) {
            if self.expired.is_none() {
                budget.suspend();
                self.expired = Some(budget.cause);
                if budget.cause == Cause::Deadline {
                    // As if that moment had been its deadline.
                    self.deadline = now;
                }
            }
        }
    }

    /// When to look at the processor's clock next. One thread cannot use up processor time faster than time passes.
    fn plan_probe(&mut self, now: Time) {
        if let Some(cpu) = self.cpu_mut() {
            cpu.probe = now.after(cpu.limit);
        }
    }
}

/// What is left of an alarm that was taken out, and to be dropped outside of any lock: it has memory to free.
///
/// No more than that. An entry is ten words, and to hand it over would take a third of the time of the whole.
#[derive(Debug)]
pub(crate) struct Removed {
    #[allow(dead_code)] // Kept to be dropped.
    label: Option<Arc<str>>,
    more: Option<Box<More>>,
    /// Whether it needed neither timer nor handler.
    pub(crate) stood_by: bool,
}

impl Removed {
    pub(crate) fn is_plain(&self) -> bool {
        self.more.is_none()
    }

    pub(crate) fn signals(&self) -> u32 {
        self.more.as_deref().map_or(0, |more| more.signals)
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

/// All live alarms.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Slots,
    /// Pending alarms that have a deadline, by slot.
    pending: Queue,
    /// Expired alarms, scope by scope, the outermost first.
    expired: BTreeSet<(Scope, AlarmId, usize)>,
    /// Alarms that count checks, expired or not. Few, as a rule one.
    counting: Vec<(Scope, Key)>,
    /// How many alarms listen to each signal and have not expired.
    listening: [usize; SIGNALS],
    /// Alarms on threads that are not their own, scope by scope, the outermost first.
    guests: BTreeSet<(Scope, AlarmId, usize)>,
    last_id: u64,
}

impl Schedule {
    pub(crate) const fn new() -> Schedule {
        Schedule {
            entries: Slots::new(),
            pending: Queue::new(),
            expired: BTreeSet::new(),
            counting: Vec::new(),
            listening: [0; SIGNALS],
            guests: BTreeSet::new(),
            last_id: 0,
        }
    }

    /// In a forked child: none of the alarms is there any more, and it goes on counting far ahead. No key from before will
    /// ever name an alarm again, and no id that the child gives out is one that the parent will give out after.
    ///
    /// What it knew is handed out and not dropped: nothing is freed in a child.
    pub(crate) fn start_again(&mut self) -> Option<ManuallyDrop<Schedule>> {
        const APART: u64 = 1 << 40;
        let last_id = self.last_id.saturating_add(APART);
        if self.is_empty() {
            self.last_id = last_id;
            return None;
        }
        Some(ManuallyDrop::new(mem::replace(self, Schedule { last_id, ..Schedule::new() })))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn any_expired(&self) -> bool {
        !self.expired.is_empty()
    }

    pub(crate) fn count_expired(&self) -> usize {
        self.expired.len()
    }

    /// The earliest deadline that is still to come; *never* if there is none.
    pub(crate) fn next(&self) -> Time {
        self.pending.first().map_or(Time::NEVER, |(deadline, _)| deadline)
    }

    /// Whether an alarm stands in a scope, at home or as a guest.
    pub(crate) fn has_any_in(&self, scope: Scope) -> bool {
        let guest = self.guests.range((scope, AlarmId(0), 0)..).next();
        guest.is_some_and(|guest| guest.0 == scope)
            || self.entries.iter().any(|(_, entry)| entry.scope == scope)
    }

    /// Adds an alarm. It is pending, even if its deadline has passed: [`expire`](Schedule::expire) tells.
    #[inline(always)]
    pub(crate) fn insert(&mut self, terms: Terms, now: Time) -> Key {
        let id = self.next_id();
        let (slot, entry) = self.entries.insert(id, terms, now);
        entry.plan_probe(now);
        let listing = Listing::of(entry);
        let key = Key::new(slot, id);
        if entry.budget().is_some() {
            self.counting.push((entry.scope, key));
        }
        self.list(listing, key);
        key
    }

    /// Takes an alarm out; `None` for a stale key.
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
        Some(self.entries.remove(key.slot()))
    }

    /// Makes an alarm one of `scope`'s as well, the innermost.
    pub(crate) fn enter(&mut self, key: Key, scope: Scope) -> Standing {
        let place = Standing { scope, order: self.next_id(), key };
        // At home it is asked already.
        let entry = self.entries.get_mut(key).filter(|entry| entry.scope != scope);
        if let Some(entry) = entry {
            entry.guest_on += 1;
            self.guests.insert((scope, place.order, key.slot()));
        }
        place
    }

    /// Undoes an [`enter`](Schedule::enter).
    pub(crate) fn leave(&mut self, place: Standing) {
        let key = place.key;
        if let Some(entry) = self.entries.get_mut(key) {
            if self.guests.remove(&(place.scope, place.order, key.slot())) {
                entry.guest_on -= 1;
            }
        }
    }

    /// An id that no alarm has or will have; the next one to be armed has a larger one.
    pub(crate) fn next_id(&mut self) -> AlarmId {
        self.last_id += 1;
        AlarmId(self.last_id)
    }

    /// The alarm of that id. It looks at every alarm.
    pub(crate) fn find(&self, id: AlarmId) -> Option<&Entry> {
        self.entries.iter().map(|(_, entry)| entry).find(|entry| entry.id == id)
    }

    /// The alarm of that key; `None` for a stale one.
    pub(crate) fn get(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Lets an alarm begin again, as it was when it was armed; `cpu_now` tells the processor's clocks.
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
            }
            entry.plan_probe(now);
            entry.expired = None;
            entry.rung = None;
        });
    }

    /// Moves an alarm's deadline; one that it had reached is taken back.
    pub(crate) fn extend(&mut self, key: Key, more: Duration) {
        self.change(key, |entry| {
            // One that is disarmed keeps its limit for when it is started again.
            if entry.deadline.is_never() {
                return;
            }
            entry.deadline = entry.deadline.after(more);
            // Not the limit and what is added to it: a deadline that was over when it was armed had no time to it.
            entry.limit = (!entry.deadline.is_never()).then(|| entry.deadline.since(entry.since));
            entry.expired = entry.expired.filter(|cause| *cause != Cause::Deadline).or(entry.rung);
        });
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

    /// Expires an alarm at once. One that has expired already keeps its first cause.
    pub(crate) fn ring(&mut self, key: Key, cause: Cause) {
        self.change(key, |entry| {
            entry.expired.get_or_insert(cause);
            entry.rung.get_or_insert(cause);
        });
    }

    /// Expires every alarm whose deadline is not after `now`, or whose processor time is used up; `cpu_now` tells the
    /// processor's clocks.
    pub(crate) fn expire(&mut self, now: Time, cpu_now: impl Fn(CpuClock) -> Option<Time>) {
        while let Some((_, slot)) = self.pending.first().filter(|&(moment, _)| moment <= now) {
            let id = self.entries.at(slot).id;
            let key = Key::new(slot, id);
            self.change(key, |entry| {
                if let Some(period) = entry.period() {
                    let passed = periods(now.since(entry.since), period);
                    entry.deadline = entry.since.after(times(period, passed.saturating_add(1)));
                } else if entry.deadline <= now {
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

    /// Expires every alarm that listens to a signal; says whether there was one.
    pub(crate) fn signal(&mut self, number: usize) -> bool {
        let bit = 1 << number;
        let hears = |entry: &Entry| entry.signals() & bit != 0 && entry.expired.is_none();
        let keys: Vec<Key> = self
            .entries
            .iter()
            .filter(|(_, entry)| hears(entry))
            .map(|(slot, entry)| Key::new(slot, entry.id))
            .collect();
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

    /// Counts a check of the alarm of `key`, for it and for those that enclose it.
    pub(crate) fn count_around(&mut self, key: Key, location: &'static Location<'static>, now: Time) {
        if let Some(entry) = self.get(key) {
            self.count(entry.scope, entry.id, location, now);
        }
    }

    /// Counts a check of all alarms of a scope.
    pub(crate) fn count_in(&mut self, scope: Scope, location: &'static Location<'static>, now: Time) {
        self.count(scope, AlarmId(u64::MAX), location, now);
    }

    fn count(&mut self, scope: Scope, innermost: AlarmId, location: &'static Location<'static>, now: Time) {
        for at in 0..self.counting.len() {
            let (home, key) = self.counting[at];
            if home != scope || key.id > innermost {
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
        // As in `outermost`: what encloses a guest at home is asked here too.
        let range = (scope, AlarmId(0), 0)..=(scope, innermost, usize::MAX);
        let guests: Vec<(Scope, AlarmId)> = self
            .guests
            .range(range)
            .map(|&(.., slot)| (self.entries.at(slot).scope, self.entries.at(slot).id))
            .collect();
        for (scope, id) in guests {
            self.count(scope, id, location, now);
        }
    }

    /// A check errs with this alarm.
    pub(crate) fn note_error(&mut self, key: Key) {
        if let Some(budget) = self.entries.get_mut(key).and_then(Entry::budget_mut) {
            budget.note_error();
        }
    }

    /// How many periods of a ticker have passed since it was last asked.
    pub(crate) fn ticks(&mut self, key: Key, now: Time) -> u64 {
        let Some(entry) = self.entries.get_mut(key) else { return 0 };
        let passed = entry.period().map_or(0, |period| periods(now.since(entry.since), period));
        entry.more.as_deref_mut().map_or(0, |more| passed - std::mem::replace(&mut more.told, passed))
    }

    /// The outermost expired alarm among those of `key`'s scope that enclose it, itself included.
    pub(crate) fn expired_around(&self, key: Key) -> Option<Key> {
        let own = self.get(key)?;
        self.outermost(own.scope, own.id)
    }

    /// The outermost expired alarm of a scope.
    pub(crate) fn expired_in(&self, scope: Scope) -> Option<Key> {
        self.outermost(scope, AlarmId(u64::MAX))
    }

    fn outermost(&self, scope: Scope, innermost: AlarmId) -> Option<Key> {
        if self.expired.is_empty() {
            return None;
        }
        let from = (scope, AlarmId(0), 0);
        let own = self.expired.range(from..=(scope, innermost, usize::MAX)).next();
        let own = own.map(|&(_, id, slot)| Key::new(slot, id));
        let within = own.map_or(innermost, Key::id);
        // A guest that stands outside of it, or whatever encloses the guest at home, comes first. This ends: a
        // guest was armed before it came, so each step goes to smaller ids.
        let guests = self.guests.range(from..=(scope, within, usize::MAX));
        guests
            .map(|&(.., slot)| self.entries.at(slot))
            .find_map(|guest| self.outermost(guest.scope, guest.id))
            .or(own)
    }

    /// Changes an alarm and keeps the two lists in step.
    fn change(&mut self, key: Key, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let before = Listing::of(entry);
        change(entry);
        let after = Listing::of(entry);
        if before == after {
            return;
        }
        // What a restart does: the deadline moves, and that is all.
        let moved = Listing { moment: after.moment, ..before } == after && !after.expired;
        if moved && !before.moment.is_never() && !after.moment.is_never() {
            self.pending.shift(after.moment, key.slot());
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
            self.pending.insert(listing.moment, key.slot());
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
            self.pending.remove(key.slot());
        }
        signals::numbers(listing.signals).for_each(|number| self.listening[number] -= 1);
    }
}

/// Where an alarm is listed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Listing {
    scope: Scope,
    expired: bool,
    /// The next moment at which something may happen to it.
    moment: Time,
    signals: u32,
}

impl Listing {
    fn of(entry: &Entry) -> Listing {
        let (scope, expired) = (entry.scope, entry.expired.is_some());
        match entry.more.as_deref() {
            None => Listing { scope, expired, moment: entry.deadline, signals: 0 },
            Some(more) => Listing {
                scope,
                expired,
                moment: entry.deadline.min(more.cpu.map_or(Time::NEVER, |cpu| cpu.probe)),
                signals: more.signals,
            },
        }
    }
}

/// A process that shares its processor makes its processor time last; near the end of it, looking is not repeated
/// more often than this.
const SHORTEST_PROBE: Duration = Duration::from_micros(500);

fn periods(time: Duration, period: Duration) -> u64 {
    u64::try_from(time.as_nanos() / period.as_nanos().max(1)).unwrap_or(u64::MAX)
}

fn times(period: Duration, n: u64) -> Duration {
    let nanos = period.as_nanos().saturating_mul(u128::from(n));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
