//! Flags of the program that the handler sets when an alarm expires, for code that takes a flag and makes no checks.

use std::collections::BTreeMap;
use std::ptr;
use std::sync::Arc;

use super::deadline_timer::{DeadlineTimer, Due};
use super::registry::Registered;
use super::shared::SHARED;
use super::timer::posix::PosixTimer;
use crate::error::{AlarmId, ArmError};
use crate::os::atomic::{AtomicU32, Ordering};
use crate::os::clock;
use crate::os::posix_timer::ThreadId;
use crate::os::shared_flag::SharedFlag;
use crate::schedule::Entry;

/// What the handler reads of such a flag.
pub(super) struct DeadlineFlag {
    timer: DeadlineTimer,
    flag: SharedFlag,
    /// The signals that ring the alarm, a bit for each.
    signals: AtomicU32,
}

impl DeadlineFlag {
    fn new() -> DeadlineFlag {
        DeadlineFlag { timer: DeadlineTimer::new(), flag: SharedFlag::empty(), signals: AtomicU32::new(0) }
    }
}

/// Handles the expiry of the timer with this value. Returns `false` if it is not the timer of a flag. Async-signal-safe.
pub(super) fn on_timer(value: usize) -> bool {
    let expired = |it: &DeadlineFlag| {
        if it.timer.on_expiry(clock::now()).is_some() {
            it.flag.set();
        }
    };
    SHARED.flags.at(value).map(expired).is_some()
}

/// Sets the flags of the alarms that this signal rings. Async-signal-safe.
pub(super) fn on_ring_signal(bit: u32) {
    for it in SHARED.flags.iter().filter(|it| it.signals.load(Ordering::SeqCst) & bit != 0) {
        it.flag.set();
    }
}

/// The flags of alarms.
pub(super) struct Flags {
    flags: BTreeMap<AlarmId, (&'static Registered<DeadlineFlag>, Option<PosixTimer>)>,
    /// While it is, their timers are not set.
    is_suspended: bool,
}

impl Flags {
    pub(super) const fn new() -> Flags {
        Flags { flags: BTreeMap::new(), is_suspended: false }
    }

    /// Starts the timer for the flag of an alarm of this thread, if the alarm has one.
    pub(super) fn add(&mut self, entry: &Entry, thread: ThreadId) -> Result<(), ArmError> {
        let Some(flag) = entry.flag() else { return Ok(()) };
        let it = SHARED.flags.take(DeadlineFlag::new);
        // Without a deadline no timer is needed.
        let timer = entry.limit.map(|_| {
            let timer = PosixTimer::create(thread, ptr::from_ref::<DeadlineFlag>(it).addr())?;
            it.timer.attach(timer.id()?);
            Ok(timer)
        });
        let timer = timer.transpose().map_err(|e| {
            SHARED.flags.give_back(it);
            ArmError::system("timer_create", e)
        })?;
        it.flag.put(Arc::clone(flag));
        it.signals.store(entry.signals(), Ordering::SeqCst);
        it.timer.set(Due::at(entry.due()), self.is_suspended);
        self.flags.insert(entry.id, (it, timer));
        Ok(())
    }

    /// Returns what is to be dropped outside of the lock.
    pub(super) fn remove(&mut self, id: AlarmId) {
        if let Some((it, _timer)) = self.flags.remove(&id) {
            it.timer.detach();
            it.signals.store(0, Ordering::SeqCst);
            // The schedule's entry has another reference: nothing is freed under the lock.
            drop(it.flag.take());
            SHARED.flags.give_back(it);
        }
    }

    /// Follows a change of the alarm.
    pub(super) fn change(&self, entry: &Entry) {
        if let Some((it, _)) = self.flags.get(&entry.id) {
            let due = if entry.expired.is_some() { Due::NEVER } else { Due::at(entry.due()) };
            it.timer.set(due, self.is_suspended);
        }
    }

    /// Disarms the timers, and keeps the moments.
    pub(super) fn suspend(&mut self) {
        self.is_suspended = true;
        self.flags.values().for_each(|(it, _)| it.timer.stop());
    }

    /// Sets the timers again. What was due meanwhile is due now.
    pub(super) fn resume(&mut self) {
        self.is_suspended = false;
        self.flags.values().for_each(|(it, _)| it.timer.start());
    }
}

/// Forgets all of them in a forked child: the alarms stayed with the parent.
pub(super) fn start_again() {
    for it in SHARED.flags.iter() {
        it.timer.forget();
        it.flag.forget();
        it.signals.store(0, Ordering::SeqCst);
    }
    SHARED.flags.free_all();
}
