use std::cell::RefMut;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Machine, Source, Task, call_and_deliver, chance, choose, machine, me, pause, pick, step};
use crate::os::{memory, thread_end};

const LONGEST_LEAP: u64 = 1_000_000_000;

/// Changes the calling thread's mask. A call that changes nothing delivers no signal of the process.
pub(crate) fn change_mask(block: bool) {
    let me = me();
    let changes = machine().task(me).blocked != block;
    call_and_deliver(changes, |machine, me| {
        let before = mem::replace(&mut machine.task(me).blocked, block);
        machine.log(Some(me), format_args!("blocks SIGALRM: {block} after {before}"));
        if machine.announced.is_none_or(|id| id == me) {
            machine.announce();
        }
    });
}

/// A thread, and whether it has ended. The drop waits for the thread's end.
pub(crate) struct Thread(Arc<AtomicBool>);

/// Starts a thread. The caller must drop the result before what `f` borrows.
pub(crate) fn spawn<'a>(f: impl FnOnce() + Send + 'a) -> Thread {
    let f: Box<dyn FnOnce() + Send + 'a> = Box::new(f);
    // SAFETY: the scenarios drop each thread before what it borrows, and the drop waits for its end.
    let f: Box<dyn FnOnce() + Send + 'static> = unsafe { mem::transmute(f) };
    let ended = Arc::new(AtomicBool::new(false));
    let sign = ended.clone();
    let blocked = {
        let mut machine = machine();
        machine.threads += 1;
        machine.knows_single_threaded &= machine.relearns_single_threaded;
        machine.task(me()).blocked
    };
    memory::flush();
    shuttle::thread::spawn(move || {
        let me = self::me();
        *machine().task(me) = Task { lives: true, blocked, ..Task::default() };
        if machine().announced.is_none() {
            machine().announce();
        }
        f();
        step();
        let has_end_hook = machine().task(me).has_end_hook;
        if has_end_hook {
            thread_end::run();
        }
        step();
        memory::flush();
        let mut machine = machine();
        *machine.task(me) = Task::default();
        machine.log(Some(me), format_args!("ends"));
        if machine.announced == Some(me) {
            machine.announce();
        }
        sign.store(true, Ordering::Relaxed);
    });
    Thread(ended)
}

impl Drop for Thread {
    fn drop(&mut self) {
        while !self.0.load(Ordering::Relaxed) && !std::thread::panicking() {
            pause();
        }
        machine().threads -= 1;
    }
}

pub(super) fn advance_clock() {
    // The clock leaps seldom enough for handlers to finish.
    let leaps = pick([8, 30, 150]);
    let advance = |mut machine: RefMut<'_, Machine>| {
        let left = machine.next_expiry().map(|expiry| expiry.saturating_sub(machine.now));
        let nanos = match left.filter(|left| *left < LONGEST_LEAP) {
            Some(left) if chance(leaps) => left + u64::from(choose(3)) * 400,
            None if chance(leaps) => choose(2_000_000).into(),
            _ => choose(3_000).into(),
        };
        machine.advance(nanos);
    };
    while !machine().is_clock_stopped {
        advance(machine());
        shuttle::thread::yield_now();
    }
}

pub(crate) fn wait_for_handlers() {
    for _ in 0..3 {
        while !machine().is_quiet(Task::lets_in) {
            pause();
        }
        pause();
    }
}

pub(crate) fn block_until_signal() {
    step();
    let me = me();
    let before = machine().task(me).handled;
    let mut silent = 0;
    while machine().task(me).handled == before {
        silent = if machine().is_idle() { silent + 1 } else { 0 };
        assert!(silent < 1_000, "no signal will wake this thread");
        pause();
    }
}

pub(crate) fn send_from_outside(source: Source) {
    machine().senders += 1;
    shuttle::thread::spawn(move || {
        for _ in 0..choose(40) {
            shuttle::thread::yield_now();
        }
        machine().send(source);
        machine().senders -= 1;
    });
}
