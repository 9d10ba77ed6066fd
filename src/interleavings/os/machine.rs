//! A simulated Linux kernel. The thread that is chosen for a step first handles its pending signals.
//!
//! - A SIGALRM from `kill`, `raise` or the interval timer is dropped if its queue already has a signal. Each POSIX timer queues
//!   one.
//! - A signal to the process wakes one thread that does not block it. Another thread may dequeue the signal earlier, on a change
//!   of its mask or a return from a handler.
//! - When a signal is dequeued, its disposition is read and its timer re-armed. The handler starts later.
//! - A system call delivers pending signals before it returns.
//! - In half of the executions the kernel keeps the pending signal of a disarmed or deleted timer, as before Linux 6.13.
//! - The library's interval timer reads as 1 µs until the hrtimer callback returns, and as zero in its last microsecond.

mod signals;
mod threads;
mod timers;

use std::cell::{RefCell, RefMut};
use std::fmt::Arguments;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

pub(crate) use self::threads::*;
use self::timers::{Countdown, PosixTimer};
use super::disposition::{Disposition, Function};
use super::handler::{self, Arrival};
use super::memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Interval,
    Timer(usize, usize),
    Kill,
    Raise,
    CtrlC,
}

pub(crate) const FOREIGN: usize = usize::MAX;

#[derive(Clone, Default)]
pub(crate) struct Task {
    lives: bool,
    pub(crate) blocked: bool,
    pending: Vec<Source>,
    handled: usize,
    is_handling: bool,
    pub(crate) blocked_on_return: bool,
    pub(crate) has_end_hook: bool,
}

impl Task {
    fn lets_in(&self) -> bool {
        self.lives && !self.blocked
    }
}

#[derive(Default)]
pub(crate) struct Machine {
    pub(crate) now: u64,
    interval: Countdown,
    is_set_by_library: bool,
    expired_at: Option<u64>,
    timers: Vec<Option<PosixTimer>>,
    pub(crate) discards_pending: bool,
    pub(crate) action: Disposition,
    /// What `action` must be at the end of a scenario, if known.
    pub(crate) found: Option<Disposition>,
    sigint_action: Disposition,
    /// The disposition that a handler over the library's has found.
    pub(crate) previous: Disposition,
    pending: Vec<Source>,
    /// The thread that the kernel has woken for the pending signals.
    announced: Option<usize>,
    is_sigint_pending: bool,
    /// The number of signals that other processes will still send.
    senders: usize,
    tasks: Vec<Task>,
    threads: usize,
    knows_single_threaded: bool,
    relearns_single_threaded: bool,
    pub(crate) program_signals: Vec<Source>,
    pub(crate) is_signal_dropped: bool,
    pub(crate) kills_at_installation: bool,
    /// The number of default actions taken; `None` if none may be.
    pub(crate) terminations: Option<usize>,
    is_clock_stopped: bool,
    /// How much the clocks of two processors may differ, in nanoseconds.
    pub(crate) skew: u64,
    log: Vec<String>,
}

const START: u64 = 1_000_000_000;

impl Machine {
    fn log(&mut self, thread: Option<usize>, what: Arguments<'_>) {
        let who = thread.map_or("kernel".into(), |id| format!("thread {id}"));
        self.log.push(format!("{:>9.3} us  {who}: {what}", (self.now - START) as f64 / 1_000.0));
    }
}

pub(crate) fn printed_log() -> String {
    let machine = MACHINE.0.try_borrow().ok();
    machine.and_then(|machine| Some(machine.as_ref()?.log.join("\n"))).unwrap_or_default()
}

struct OneThread(RefCell<Option<Machine>>);

// SAFETY: `explore` holds a lock, and runs each execution on one system thread.
unsafe impl Sync for OneThread {}

static MACHINE: OneThread = OneThread(RefCell::new(None));

static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(crate) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn machine() -> RefMut<'static, Machine> {
    RefMut::map(MACHINE.0.borrow_mut(), |machine| machine.as_mut().expect("a started process"))
}

pub(crate) fn me() -> usize {
    shuttle::current::me().into()
}

pub(crate) fn run_process(f: fn()) {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    memory::reset();
    *MACHINE.0.borrow_mut() = Some(Machine {
        now: START,
        threads: 1,
        discards_pending: chance(2),
        relearns_single_threaded: chance(2),
        knows_single_threaded: !chance(4),
        found: Some(Disposition::DEFAULT),
        ..Machine::default()
    });
    machine().task(me()).lives = true;
    let clock = shuttle::thread::spawn(threads::advance_clock);
    f();
    machine().is_clock_stopped = true;
    let _ = clock.join();
}

pub(crate) fn chance(one_in: u32) -> bool {
    thread_rng().gen_ratio(1, one_in)
}

pub(crate) fn pick<T: Copy, const N: usize>(of: [T; N]) -> T {
    of[thread_rng().gen_range(0..N)]
}

pub(crate) fn choose(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}

pub(crate) fn step() {
    switch(|| shuttle::thread::sleep(Duration::ZERO));
}

pub(crate) fn pause() {
    switch(shuttle::thread::yield_now);
}

fn switch(switch: impl FnOnce()) {
    if !std::thread::panicking() {
        switch();
        memory::settle();
        deliver(false);
    }
}

pub(crate) fn call<T>(what: impl FnOnce(&mut Machine, usize) -> T) -> T {
    call_and_deliver(false, what)
}

fn call_and_deliver<T>(all: bool, what: impl FnOnce(&mut Machine, usize) -> T) -> T {
    step();
    memory::flush();
    let me = me();
    let result = {
        let mut machine = machine();
        machine.advance(250);
        what(&mut machine, me)
    };
    if !std::thread::panicking() {
        deliver(all);
    }
    result
}

/// Handles the signals of the calling thread and, with `all`, of the process.
fn deliver(mut all: bool) {
    let me = me();
    loop {
        let dequeued = machine().dequeue(me, all);
        let Some((source, function)) = dequeued else { return };
        memory::flush(); // The kernel takes a lock here.
        if function == Function::Default {
            machine().take_default_action(source);
            continue;
        }
        machine().enter_handler(me);
        step();
        handler::run(function, &Arrival::new(source));
        step();
        memory::flush();
        machine().leave_handler(me);
        all = true; // The return from the handler has changed the mask.
    }
}

impl Machine {
    pub(crate) fn task(&mut self, id: usize) -> &mut Task {
        if id >= self.tasks.len() {
            self.tasks.resize(id + 1, Task::default());
        }
        &mut self.tasks[id]
    }

    pub(crate) fn reading(&mut self) -> u64 {
        self.advance(20);
        self.now - if self.skew == 0 { 0 } else { thread_rng().gen_range(0..=self.skew) }
    }

    pub(crate) fn advance(&mut self, nanos: u64) {
        self.now += nanos;
        if self.interval.has_just_expired(self.now) {
            self.expired_at = self.is_set_by_library.then_some(self.now);
            self.send(Source::Interval);
        }
        for id in 0..self.timers.len() {
            let Some(timer) = &mut self.timers[id] else { continue };
            if timer.countdown.has_just_expired(self.now) {
                let (thread, source) = (timer.thread, Source::Timer(id, timer.value));
                self.send_to(thread, source);
            }
        }
    }

    pub(crate) fn is_single_threaded(&self) -> bool {
        self.threads == 1 && self.knows_single_threaded
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.next_expiry().is_none() && self.is_quiet(|_| true)
    }

    fn is_quiet(&self, counts: fn(&Task) -> bool) -> bool {
        let is_quiet = |task: &Task| !task.is_handling && (task.pending.is_empty() || !counts(task));
        self.senders == 0
            && !self.is_sigint_pending
            && self.tasks.iter().all(is_quiet)
            && (self.pending.is_empty() || !self.tasks.iter().any(counts))
    }
}
