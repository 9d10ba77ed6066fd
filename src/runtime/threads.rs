//! The table of the threads that have alarms.

use std::mem;

use super::record::Record;
use super::shared::SHARED;
use super::thread_state::{Thread, forget_scope, scope};
use super::timer::Kind;
use crate::os::atomic::Ordering;
use crate::os::posix_timer::ThreadId;
use crate::os::thread;
use crate::schedule::Scope;
use crate::time::Time;

pub(super) struct Threads {
    threads: Vec<Thread>,
    free: Vec<usize>,
    last_serial: u32,
}

impl Threads {
    pub(super) const fn new() -> Threads {
        Threads { threads: Vec::new(), free: Vec::new(), last_serial: 0 }
    }

    #[inline(always)]
    pub(super) fn of(&mut self, scope: Scope) -> Option<&mut Thread> {
        self.threads.get_mut(scope.index()).filter(|thread| thread.scope == scope && scope != Scope::NONE)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Thread> {
        self.threads.iter_mut().filter(|thread| thread.scope != Scope::NONE)
    }

    pub(super) fn active(&mut self) -> impl Iterator<Item = &mut Thread> {
        self.iter_mut().filter(|thread| thread.users > 0)
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

    pub(super) fn remove(&mut self, scope: Scope) {
        let Some(thread) = self.of(scope) else { return };
        thread.scope = Scope::NONE;
        thread.record.clear();
        SHARED.threads.give_back(thread.record);
        self.free.push(scope.index());
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
