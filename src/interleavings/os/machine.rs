//! A scripted kernel: one interval timer, POSIX timers, dispositions, pending signals, masks, threads, and a clock.
//!
//! All threads are shuttle's, which lets one of them run at a time and chooses at every *step* which one goes on. A step comes
//! before each atomic operation, each lock and unlock, each reading of the clock and each system call. A chosen thread first
//! handles its pending signals, as a thread does when it returns from the kernel. So a handler runs on the thread that was
//! interrupted, between any two of its steps, and takes steps itself: other threads run between any two of them.
//!
//! The scripted kernel keeps to what Linux does:
//! - a signal of `kill`, `raise` or the interval timer is dropped if another SIGALRM is pending in the same queue; a signal of a
//!   POSIX timer is always queued, once for each timer;
//! - the kernel reads the disposition when a thread dequeues the signal, and the handler begins some time later;
//! - a signal for the process is announced to one thread that does not block it. That thread dequeues it, or one that changes
//!   its mask or returns from a handler earlier. A thread that ends or blocks SIGALRM has it announced to another;
//! - a signal that is pending for the caller is delivered before a system call returns;
//! - a periodic timer is armed again when its signal is dequeued;
//! - a timer that is disarmed or deleted takes its pending signal with it, or does not (kernels before 6.13): both are played;
//! - an interval timer that has expired reads as 1 µs left until the hrtimer callback returns, and one with less than 1 µs
//!   left reads as none. Both are played for values that the library has set. For foreign values they are stated limits.

use std::cell::{RefCell, RefMut};
use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use shuttle::rand::{Rng, thread_rng};

use super::disposition::{Disposition, Function};
use super::handler::{self, Arrival};
use super::posix_timer::When;
use super::{memory, setting::Setting, thread_end};

/// Where a signal comes from. All are SIGALRM but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Interval,
    /// A POSIX timer of this number and value.
    Timer(usize, usize),
    /// `kill`, to the process.
    Kill,
    /// `raise`, to the calling thread.
    Raise,
    /// SIGINT, to the process.
    CtrlC,
}

/// The number of a foreign POSIX timer, which the machine does not keep.
pub(crate) const FOREIGN: usize = usize::MAX;

#[derive(Clone, Default)]
struct Task {
    lives: bool,
    blocked: bool,
    /// Pending for this thread only.
    pending: Vec<Source>,
    /// How many handlers have run on this thread.
    handled: usize,
    is_handling: bool,
    /// The mask from the moment at which the handler returns.
    blocked_on_return: bool,
    has_end_hook: bool,
}

/// A timer of either kind.
#[derive(Default)]
struct Countdown {
    expiry: Option<u64>,
    period: u64,
    last_expiry: u64,
}

impl Countdown {
    fn set(&mut self, expiry: Option<u64>, period: u64) {
        (self.expiry, self.period) = (expiry, period);
    }

    fn has_just_expired(&mut self, now: u64) -> bool {
        let expiry = self.expiry.take_if(|expiry| *expiry <= now);
        self.last_expiry = expiry.unwrap_or(self.last_expiry);
        expiry.is_some()
    }

    /// Its signal was dequeued.
    fn rearm(&mut self, now: u64) {
        if self.period > 0 && self.expiry.is_none() {
            let missed = (now - self.last_expiry) / self.period;
            self.expiry = Some(self.last_expiry + self.period * (missed + 1));
        }
    }
}

struct PosixTimer {
    thread: usize,
    value: usize,
    countdown: Countdown,
}

#[derive(Default)]
pub(crate) struct Machine {
    pub(crate) now: u64,
    interval: Countdown,
    /// The library has set the interval timer.
    is_set_by_library: bool,
    /// The interval timer has expired at this time, and has not been set since.
    expired_at: Option<u64>,
    timers: Vec<Option<PosixTimer>>,
    /// A timer that is disarmed or deleted takes its pending signal with it.
    pub(crate) discards: bool,
    pub(crate) action: Disposition,
    sigint_action: Disposition,
    /// What the handler [`Function::Over`] found when it was installed.
    pub(crate) over_found: Disposition,
    /// The SIGALRMs that are pending for the process, and the thread that they are announced to.
    pending: Vec<Source>,
    announced: Option<usize>,
    is_sigint_pending: bool,
    tasks: Vec<Task>,
    threads: usize,
    /// The C library knows that the process has one thread.
    knows_single_threaded: bool,
    /// It knows so again when the other threads have been joined.
    learns_again: bool,
    /// What the program's handler was called with.
    pub(crate) program_got: Vec<Source>,
    /// A `kill` or `raise` was dropped because another SIGALRM was pending.
    pub(crate) is_lost: bool,
    /// A `kill` is to come the moment that the library's handler is installed.
    pub(crate) kills_at_installation: bool,
    /// A `kill` or SIGINT may take the default action, and has so often.
    pub(crate) deaths: Option<usize>,
    is_over: bool,
    /// How far a processor's clock may be behind another's, in nanoseconds.
    pub(crate) skew: u64,
    /// What has happened, printed after a failure.
    story: Vec<String>,
}

/// The time when a machine starts.
const START: u64 = 1_000_000_000;

/// The world does not leap over more than this.
const LONGEST_LEAP: u64 = 1_000_000_000;

impl Machine {
    fn tell(&mut self, thread: Option<usize>, what: Arguments<'_>) {
        let who = thread.map_or("kernel".into(), |id| format!("thread {id}"));
        self.story.push(format!("{:>9.3} us  {who}: {what}", (self.now - START) as f64 / 1_000.0));
    }
}

impl Machine {
    /// The process would end.
    pub(super) fn take_default_action(&mut self, source: Source) {
        match &mut self.deaths {
            Some(deaths) if matches!(source, Source::Kill | Source::CtrlC) => *deaths += 1,
            _ => panic!("{source:?} takes the default action: the process ends"),
        }
    }
}

/// What has happened so far in this execution.
pub(crate) fn story() -> String {
    let machine = MACHINE.0.try_borrow();
    machine.map_or(String::new(), |machine| machine.as_ref().map_or(String::new(), |it| it.story.join("\n")))
}

/// Shuttle's threads all run on one thread of the system.
struct Alone(RefCell<Option<Machine>>);

// SAFETY: `explore` holds a lock while it runs, and what runs in it is on one thread.
unsafe impl Sync for Alone {}

static MACHINE: Alone = Alone(RefCell::new(None));

/// The number of the execution. What another execution has written does not count.
static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(crate) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn machine() -> RefMut<'static, Machine> {
    RefMut::map(MACHINE.0.borrow_mut(), |machine| machine.as_mut().expect("booted"))
}

/// The calling thread.
pub(crate) fn me() -> usize {
    shuttle::current::me().into()
}

/// A new process, with the calling thread in it.
pub(crate) fn boot() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    memory::boot();
    *MACHINE.0.borrow_mut() = Some(Machine {
        now: START,
        threads: 1,
        discards: chance(2),
        learns_again: chance(2),
        // Some C libraries never know.
        knows_single_threaded: !chance(4),
        ..Machine::default()
    });
    machine().task(me()).lives = true;
}

pub(crate) fn chance(one_in: u32) -> bool {
    thread_rng().gen_ratio(1, one_in)
}

/// A number below `n`, chosen anew in each execution.
pub(crate) fn choose(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}

/// Another thread may run now; then pending signals are handled.
pub(crate) fn step() {
    if !std::thread::panicking() {
        shuttle::thread::sleep(Duration::ZERO); // Nothing but a point at which the scheduler chooses.
        memory::settle();
        deliver(false);
    }
}

/// The same, and the scheduler prefers another thread.
pub(crate) fn pause() {
    if !std::thread::panicking() {
        shuttle::thread::yield_now();
        memory::settle();
        deliver(false);
    }
}

/// A system call: it takes some time, it is one step, and what is pending for the caller is delivered before it returns.
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

/// Handles what is pending for this thread, and if `all`, what is pending for the process.
fn deliver(mut all: bool) {
    let me = me();
    loop {
        let dequeued = machine().dequeue(me, all);
        let Some((source, function)) = dequeued else { return };
        memory::flush(); // The kernel takes a lock.
        match function {
            Function::Default => {
                machine().take_default_action(source);
                continue;
            }
            Function::Ignore => continue,
            _ => {}
        }
        machine().enter_handler(me);
        // Between the kernel's choice of the handler and its first instruction.
        step();
        handler::run(function, &Arrival::new(source));
        step();
        memory::flush();
        machine().leave_handler(me);
        // A thread whose mask changes takes what is pending for the process, announced to it or not.
        all = true;
    }
}

impl Machine {
    fn task(&mut self, id: usize) -> &mut Task {
        if id >= self.tasks.len() {
            self.tasks.resize(id + 1, Task::default());
        }
        &mut self.tasks[id]
    }

    /// The time that a thread reads, on any processor.
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

    fn next_expiry(&self) -> Option<u64> {
        let timers = self.timers.iter().flatten().filter_map(|timer| timer.countdown.expiry);
        timers.chain(self.interval.expiry).min()
    }

    /// A signal for the process.
    pub(crate) fn send(&mut self, source: Source) {
        if source == Source::CtrlC {
            self.is_sigint_pending = true;
        } else if !self.pending.is_empty() && !matches!(source, Source::Timer(FOREIGN, _)) {
            self.is_lost |= source == Source::Kill;
            return self
                .tell(None, format_args!("{source:?} is dropped: {:?} is pending", self.pending.clone()));
        } else {
            let is_let_in = self.tasks.iter().any(|task| task.lives && !task.blocked);
            if !(is_let_in && self.action.function == Function::Ignore) {
                self.pending.push(source);
                self.announce();
            }
        }
        self.tell(None, format_args!("{source:?} is sent"));
    }

    /// Whether a SIGALRM is pending for a thread or for the process.
    pub(crate) fn is_pending(&mut self, id: usize) -> bool {
        !self.pending.is_empty() || !self.task(id).pending.is_empty()
    }

    /// Announces what is pending for the process to a thread that does not block it.
    fn announce(&mut self) {
        let is_candidate = |id: &usize| self.tasks[*id].lives && !self.tasks[*id].blocked;
        let candidates: Vec<usize> = (0..self.tasks.len()).filter(is_candidate).collect();
        self.announced = match (self.pending.len(), candidates.len()) {
            (0, _) | (_, 0) => None,
            (_, n) => Some(candidates[thread_rng().gen_range(0..n)]),
        };
    }

    /// A signal for one thread.
    pub(crate) fn send_to(&mut self, id: usize, source: Source) {
        let ignores = self.action.function == Function::Ignore;
        let task = self.task(id);
        let is_dropped = match source {
            Source::Timer(..) => task.pending.contains(&source),
            _ => !task.pending.is_empty(),
        };
        if task.lives && !is_dropped && (task.blocked || !ignores) {
            task.pending.push(source);
            self.tell(None, format_args!("{source:?} is sent to thread {id}"));
        }
        self.is_lost |= is_dropped && source == Source::Raise;
    }

    fn dequeue(&mut self, id: usize, all: bool) -> Option<(Source, Function)> {
        let is_announced = self.announced == Some(id);
        let task = self.task(id);
        if !task.lives || task.is_handling {
            return None;
        }
        if std::mem::take(&mut self.is_sigint_pending) {
            self.tell(Some(id), format_args!("dequeues SIGINT"));
            return Some((Source::CtrlC, self.sigint_action.function));
        }
        let function = self.action.function;
        let task = self.task(id);
        let source = match (task.blocked, task.pending.is_empty()) {
            (true, _) => return None,
            (_, false) => task.pending.remove(0),
            _ if (is_announced || all) && !self.pending.is_empty() => {
                let source = self.pending.remove(0);
                self.announce();
                source
            }
            _ => return None,
        };
        match source {
            Source::Interval => self.interval.rearm(self.now),
            Source::Timer(id, _) if matches!(self.timers.get(id), Some(Some(_))) => {
                let now = self.now;
                self.timer(id).countdown.rearm(now);
            }
            _ => {}
        }
        self.tell(Some(id), format_args!("dequeues {source:?} for {function:?}"));
        Some((source, function))
    }

    fn enter_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked_on_return = std::mem::replace(&mut task.blocked, true);
        task.is_handling = true;
        if self.announced == Some(id) {
            self.announce();
        }
    }

    fn leave_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked = task.blocked_on_return;
        task.is_handling = false;
        task.handled += 1;
        self.tell(Some(id), format_args!("returns from the handler"));
        if self.announced.is_none() {
            self.announce();
        }
    }

    /// The thread blocks SIGALRM from the moment at which the handler returns.
    pub(crate) fn block_on_return(&mut self, id: usize) {
        self.task(id).blocked_on_return = true;
    }

    pub(crate) fn action_of(&mut self, signal: i32) -> &mut Disposition {
        if signal == nix::libc::SIGALRM { &mut self.action } else { &mut self.sigint_action }
    }

    /// `sigaction` of SIGALRM.
    pub(crate) fn act(&mut self, new: Disposition) -> Disposition {
        let old = std::mem::replace(&mut self.action, new);
        self.tell(None, format_args!("sigaction: {:?} after {:?}", new.function, old.function));
        match new.function {
            Function::Ours if std::mem::take(&mut self.kills_at_installation) => self.send(Source::Kill),
            Function::Ignore => {
                self.pending.clear();
                self.announced = None;
                self.tasks.iter_mut().for_each(|task| task.pending.clear());
            }
            _ => {}
        }
        old
    }

    /// The program installs a handler that calls the one that it finds, or restores that one and raises the signal again.
    pub(crate) fn install_over(&mut self, function: Function) {
        self.over_found = self.act(Disposition { function, ..Disposition::PROGRAM });
    }

    /// `setitimer`, by the program.
    pub(crate) fn set_interval(&mut self, new: Setting) -> Setting {
        let mut held = self.read_interval();
        // How long the hrtimer callback may take after it has sent the signal.
        const CALLBACK: u64 = 300_000;
        let expired_at = self.expired_at.take();
        if held == Setting::DISARMED && expired_at.is_some_and(|at| self.now - at < CALLBACK) && chance(2) {
            held.remaining = Duration::from_micros(1);
        }
        let Setting { remaining, interval } = new.in_micros();
        self.tell(None, format_args!("setitimer: {remaining:?} + {interval:?} after {held:?}"));
        let expiry = (!remaining.is_zero()).then(|| self.now + remaining.as_nanos() as u64);
        self.interval.set(expiry, interval.as_nanos() as u64);
        self.is_set_by_library = false;
        held
    }

    /// `setitimer`, by the library.
    pub(crate) fn set_interval_by_library(&mut self, new: Setting) -> Setting {
        let held = self.set_interval(new);
        self.is_set_by_library = true;
        held
    }

    /// `getitimer`.
    pub(crate) fn read_interval(&self) -> Setting {
        let micros = |nanos: u64| Duration::from_micros(nanos / 1_000);
        let remaining = match self.interval.expiry.map(|expiry| expiry.saturating_sub(self.now)) {
            Some(nanos) if self.is_set_by_library => nanos,
            Some(nanos) => nanos.max(1_000),
            None => 0,
        };
        Setting { remaining: micros(remaining), interval: micros(self.interval.period) }
    }

    pub(crate) fn is_interval_set(&self) -> bool {
        self.interval.expiry.is_some()
    }

    pub(crate) fn create_timer(&mut self, thread: usize, value: usize) -> usize {
        self.timers.push(Some(PosixTimer { thread, value, countdown: Countdown::default() }));
        self.tell(None, format_args!("timer {} is created for thread {thread}", self.timers.len() - 1));
        self.timers.len() - 1
    }

    fn timer(&mut self, id: usize) -> &mut PosixTimer {
        self.timers[id].as_mut().expect("the library uses a timer that it has deleted")
    }

    /// `timer_settime`.
    pub(crate) fn set_timer(&mut self, id: usize, when: When, period: Duration) {
        let expiry = match when {
            When::At(time) => Some(time.as_nanos()),
            When::After(delay) => Some(self.now + (delay.as_nanos() as u64).max(1)),
            When::Never => None,
        };
        self.timer(id).countdown.set(expiry, period.as_nanos() as u64);
        let left = expiry.map(|expiry| Duration::from_nanos(expiry.saturating_sub(self.now)));
        self.tell(None, format_args!("timer {id} is set: {left:?} + {period:?}"));
        self.discard(id);
        self.advance(0);
    }

    fn discard(&mut self, id: usize) {
        if self.discards {
            let is_of_another = |source: &Source| !matches!(source, Source::Timer(timer, _) if *timer == id);
            self.tasks.iter_mut().for_each(|task| task.pending.retain(is_of_another));
        }
    }

    pub(crate) fn has_expired(&mut self, id: usize) -> bool {
        let countdown = &self.timer(id).countdown;
        countdown.expiry.is_none() || countdown.period > 0
    }

    pub(crate) fn delete_timer(&mut self, id: usize) {
        self.tell(None, format_args!("timer {id} is deleted"));
        self.timer(id);
        self.timers[id] = None;
        self.discard(id);
    }

    /// The library has no timer set, and none of a thread that has ended.
    pub(crate) fn assert_no_timer_left(&self) {
        for timer in self.timers.iter().flatten() {
            assert!(timer.countdown.expiry.is_none(), "a private timer is set");
            assert!(self.tasks[timer.thread].lives, "a private timer has outlived its thread");
        }
    }

    pub(crate) fn call_program(&mut self, source: Source) {
        self.program_got.push(source);
        self.tell(None, format_args!("the program's handler gets {source:?}"));
    }

    pub(crate) fn is_blocked(&mut self, id: usize) -> bool {
        self.task(id).blocked
    }

    pub(crate) fn is_single_threaded(&self) -> bool {
        self.threads == 1 && self.knows_single_threaded
    }

    pub(crate) fn set_end_hook(&mut self, id: usize) {
        self.task(id).has_end_hook = true;
    }

    /// Whether no timer is set, no signal is pending, and no handler runs.
    pub(crate) fn is_silent(&self) -> bool {
        let is_silent = |task: &Task| task.pending.is_empty() && !task.is_handling;
        self.next_expiry().is_none()
            && self.pending.is_empty()
            && !self.is_sigint_pending
            && self.tasks.iter().all(is_silent)
    }

    /// Whether no signal can be delivered, and no handler runs.
    fn is_calm(&self) -> bool {
        let lets_in = |task: &Task| task.lives && !task.blocked;
        let is_calm = |task: &Task| (task.pending.is_empty() || !lets_in(task)) && !task.is_handling;
        (self.pending.is_empty() || !self.tasks.iter().any(lets_in))
            && !self.is_sigint_pending
            && self.tasks.iter().all(is_calm)
    }
}

/// `pthread_sigmask`. One that changes nothing does not make the thread look at what is pending for the process.
pub(crate) fn change_mask(block: bool) {
    let me = me();
    let changes = machine().is_blocked(me) != block;
    call_and_deliver(changes, |machine, me| {
        let before = std::mem::replace(&mut machine.task(me).blocked, block);
        machine.tell(Some(me), format_args!("blocks SIGALRM: {block} after {before}"));
        if machine.announced.is_none_or(|id| id == me) {
            machine.announce();
        }
    });
}

/// A thread of the program's.
pub(crate) struct Thread(shuttle::thread::JoinHandle<()>, Arc<AtomicBool>);

/// Starts a thread, which inherits the mask. It must be joined before what it borrows goes.
pub(crate) fn spawn<'a>(f: impl FnOnce() + Send + 'a) -> Thread {
    let f: Box<dyn FnOnce() + Send + 'a> = Box::new(f);
    // SAFETY: the scenarios join all their threads; one that fails ends the test, and its threads are never run again.
    let f: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(f) };
    let ended = Arc::new(AtomicBool::new(false));
    let sign = ended.clone();
    let blocked = {
        let mut machine = machine();
        machine.threads += 1;
        machine.knows_single_threaded &= machine.learns_again;
        machine.is_blocked(me())
    };
    memory::flush();
    let handle = shuttle::thread::spawn(move || {
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
        machine.tell(Some(me), format_args!("ends"));
        if machine.announced == Some(me) {
            machine.announce();
        }
        sign.store(true, Ordering::Relaxed);
    });
    Thread(handle, ended)
}

impl Thread {
    /// Waits for the end, and handles signals meanwhile.
    pub(crate) fn join(self) {
        while !self.1.load(Ordering::Relaxed) {
            pause();
        }
        drop(self.0);
        machine().threads -= 1;
    }
}

/// The world outside of the program: lets time pass, until [`power_off`].
pub(crate) fn power_on() -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(|| {
        // How time passes is part of what is explored: it may creep or leap; but not so that a handler never ends.
        let leaps = [8, 30, 150][thread_rng().gen_range(0..3)];
        while !machine().is_over {
            {
                let mut machine = machine();
                let left = machine.next_expiry().map(|expiry| expiry.saturating_sub(machine.now));
                let nanos = match left.filter(|left| *left < LONGEST_LEAP) {
                    Some(left) if chance(leaps) => left + thread_rng().gen_range(0..3) * 400,
                    None if chance(leaps) => thread_rng().gen_range(0..2_000_000),
                    _ => thread_rng().gen_range(0..3_000),
                };
                machine.advance(nanos);
            }
            shuttle::thread::yield_now();
        }
    })
}

pub(crate) fn power_off(world: shuttle::thread::JoinHandle<()>) {
    machine().is_over = true;
    let _ = world.join();
}

/// Waits until every signal that can be delivered has been handled.
pub(crate) fn calm() {
    for _ in 0..3 {
        while !machine().is_calm() {
            pause();
        }
        pause();
    }
}

/// A system call that blocks until a handler has run on this thread: EINTR.
pub(crate) fn block_until_signal() {
    step();
    let me = me();
    let before = machine().task(me).handled;
    let mut silent = 0;
    while machine().task(me).handled == before {
        silent = if machine().is_silent() { silent + 1 } else { 0 };
        assert!(silent < 1_000, "no signal will wake this thread");
        pause();
    }
}

/// Another process sends a signal, at some time.
pub(crate) fn send_from_outside(source: Source) -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(move || {
        for _ in 0..choose(40) {
            shuttle::thread::yield_now();
        }
        machine().send(source);
    })
}
