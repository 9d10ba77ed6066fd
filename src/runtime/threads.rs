//! The table of the threads that have alarms, and the order in which their timers expire.

use std::mem;

use super::record::Record;
use super::shared::SHARED;
use super::thread_state::{Thread, forget_scope, scope};
use super::timer::Kind;
use crate::os::atomic::Ordering;
use crate::os::posix_timer::ThreadId;
use crate::os::thread;
use crate::schedule::{Positions, Queue, Scope};
use crate::time::Time;

pub(super) struct Threads {
    threads: Vec<Thread>,
    free: Vec<usize>,
    /// The threads whose timers are set, in the order of expiry.
    order: Queue,
    positions: Positions,
    last_serial: u32,
}

impl Threads {
    pub(super) const fn new() -> Threads {
        Threads {
            threads: Vec::new(),
            free: Vec::new(),
            order: Queue::new(),
            positions: Positions::new(),
            last_serial: 0,
        }
    }

    #[inline(always)]
    pub(super) fn get(&mut self, index: usize) -> Option<&mut Thread> {
        self.threads.get_mut(index).filter(|thread| thread.scope != Scope::NONE)
    }

    #[inline(always)]
    pub(super) fn of(&mut self, scope: Scope) -> Option<&mut Thread> {
        self.threads.get_mut(scope.index()).filter(|thread| thread.scope == scope && scope != Scope::NONE)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Thread)> {
        self.threads.iter().enumerate().filter(|(_, thread)| thread.scope != Scope::NONE)
    }

    pub(super) fn find(&self, is_it: impl Fn(&Thread) -> bool) -> Option<usize> {
        self.iter().find(|(_, thread)| is_it(thread)).map(|(index, _)| index)
    }

    #[inline(always)]
    pub(super) fn first(&self) -> Option<(Time, usize)> {
        self.order.first()
    }

    pub(super) fn set_due(&mut self, index: usize, due: Time) {
        let Some(thread) = self.threads.get_mut(index) else { return };
        let before = mem::replace(&mut thread.due, due);
        match (before.is_never(), due.is_never()) {
            (true, true) => {}
            (true, false) => self.order.insert(&mut self.positions, due, index),
            (false, true) => self.order.remove(&mut self.positions, index),
            (false, false) => self.order.shift(&mut self.positions, due, index),
        }
    }

    pub(super) fn register(&mut self) -> Scope {
        let index = self.free.pop().unwrap_or(self.threads.len());
        self.last_serial = self.last_serial.wrapping_add(1).max(1);
        let scope = Scope::new(self.last_serial, index);
        let record = SHARED.threads.take(Record::default);
        record.clear();
        record.thread.store(thread::handle(), Ordering::SeqCst);
        let thread = Thread {
            scope,
            id: ThreadId::current(),
            record,
            users: 0,
            kind: Kind::Private,
            private: None,
            due: Time::NEVER,
            wait: None,
            was_blocked: false,
        };
        if index == self.threads.len() {
            self.threads.push(thread);
        } else {
            self.threads[index] = thread;
        }
        scope
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.set_due(index, Time::NEVER);
        let Some(thread) = self.get(index) else { return };
        thread.scope = Scope::NONE;
        thread.record.clear();
        SHARED.threads.give_back(thread.record);
        self.free.push(index);
    }

    /// Returns whether a forked child can use the table: a child has neither the parent's other threads nor its private timers.
    #[inline]
    pub(super) fn may_stay_in_child(&self) -> bool {
        let this = scope();
        self.threads.iter().all(|thread| thread.scope == this && thread.private.is_none())
    }

    #[inline]
    pub(super) fn start_again(&mut self) {
        let scope = forget_scope();
        if let Some(thread) = self.of(scope) {
            // The program called `raise` in the parent, so only the parent repeats it.
            thread.record.is_raise_due.store(false, Ordering::SeqCst);
            thread.block_alarm_again();
        }
        let serial = self.last_serial;
        mem::forget(mem::replace(self, Threads { last_serial: serial, ..Threads::new() }));
        for record in SHARED.threads.iter() {
            record.clear();
        }
        SHARED.threads.free_all();
    }
}
