//! A simulated kernel: timers, dispositions, pending signals, masks, threads and a clock.
//!
//! Shuttle runs one thread at a time, and chooses the next at every *step*: before each atomic operation, lock operation,
//! clock read and system call. The chosen thread first handles its pending signals. A handler consists of steps too, so other
//! threads run during it.
//!
//! The rules are Linux's:
//! - The kernel drops a SIGALRM from `kill`, `raise` or the interval timer if the same queue has a pending SIGALRM. A POSIX
//!   timer's signal is always queued, once per timer.
//! - The kernel reads the disposition when a thread dequeues the signal. The handler starts later.
//! - A signal to the process wakes one thread that does not block it. Another thread may dequeue it earlier, on a change of
//!   its mask or a return from a handler.
//! - A system call delivers the caller's pending signals before it returns.
//! - A periodic timer is re-armed when its signal is dequeued.
//! - Kernels before 6.13 keep the pending signal of a disarmed or deleted timer. Both versions are simulated.
//! - An expired interval timer reads as 1 µs until the hrtimer callback returns, and less than 1 µs reads as zero. Both are
//!   simulated for the library's values only.

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

/// The origin of a signal. All except `CtrlC` send SIGALRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Interval,
    /// A POSIX timer, with its id and value.
    Timer(usize, usize),
    Kill,
    Raise,
    CtrlC,
}

/// The id of a POSIX timer of the program.
pub(crate) const FOREIGN: usize = usize::MAX;

#[derive(Clone, Default)]
struct Task {
    lives: bool,
    blocked: bool,
    /// Pending for this thread.
    pending: Vec<Source>,
    /// The number of handler calls on this thread.
    handled: usize,
    is_handling: bool,
    /// The mask after the handler's return.
    blocked_on_return: bool,
    has_end_hook: bool,
}

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

    /// Re-arms a periodic timer when its signal is dequeued.
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
    is_set_by_library: bool,
    /// The time of expiry, until the timer is set again.
    expired_at: Option<u64>,
    timers: Vec<Option<PosixTimer>>,
    /// Disarming or deleting a timer discards its pending signal.
    pub(crate) discards: bool,
    pub(crate) action: Disposition,
    sigint_action: Disposition,
    /// The disposition before [`Function::Over`].
    pub(crate) over_found: Disposition,
    /// Pending for the process, and the thread that the kernel has chosen for it.
    pending: Vec<Source>,
    announced: Option<usize>,
    is_sigint_pending: bool,
    tasks: Vec<Task>,
    threads: usize,
    knows_single_threaded: bool,
    /// It knows this again after joins.
    learns_again: bool,
    /// The signals of the program's handler.
    pub(crate) program_got: Vec<Source>,
    /// A `kill` or `raise` was dropped.
    pub(crate) is_lost: bool,
    /// Installing the library's handler triggers a `kill`.
    pub(crate) kills_at_installation: bool,
    /// The number of default actions, if a scenario allows them.
    pub(crate) deaths: Option<usize>,
    is_over: bool,
    /// The maximum difference between the clocks of two processors, in nanoseconds.
    pub(crate) skew: u64,
    story: Vec<String>,
}

const START: u64 = 1_000_000_000;

/// The clock does not skip more than this.
const LONGEST_LEAP: u64 = 1_000_000_000;

impl Machine {
    fn tell(&mut self, thread: Option<usize>, what: Arguments<'_>) {
        let who = thread.map_or("kernel".into(), |id| format!("thread {id}"));
        self.story.push(format!("{:>9.3} us  {who}: {what}", (self.now - START) as f64 / 1_000.0));
    }
}

impl Machine {
    pub(super) fn take_default_action(&mut self, source: Source) {
        match &mut self.deaths {
            Some(deaths) if matches!(source, Source::Kill | Source::CtrlC) => *deaths += 1,
            _ => panic!("{source:?} takes the default action: the process ends"),
        }
    }
}

pub(crate) fn story() -> String {
    let machine = MACHINE.0.try_borrow();
    machine.map_or(String::new(), |machine| machine.as_ref().map_or(String::new(), |it| it.story.join("\n")))
}

/// All threads of shuttle run on one system thread.
struct Alone(RefCell<Option<Machine>>);

// SAFETY: `explore` holds a lock, and runs each execution on one system thread.
unsafe impl Sync for Alone {}

static MACHINE: Alone = Alone(RefCell::new(None));

/// The number of the execution. Values of earlier executions are invalid.
static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(crate) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn machine() -> RefMut<'static, Machine> {
    RefMut::map(MACHINE.0.borrow_mut(), |machine| machine.as_mut().expect("booted"))
}

pub(crate) fn me() -> usize {
    shuttle::current::me().into()
}

/// Starts a new process with the calling thread.
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

/// A point where the scheduler may switch threads. Pending signals are then handled.
pub(crate) fn step() {
    if !std::thread::panicking() {
        shuttle::thread::sleep(Duration::ZERO); // Nothing but a point at which the scheduler chooses.
        memory::settle();
        deliver(false);
    }
}

/// A [`step`] at which the scheduler prefers another thread.
pub(crate) fn pause() {
    if !std::thread::panicking() {
        shuttle::thread::yield_now();
        memory::settle();
        deliver(false);
    }
}

/// Makes a system call: a step that takes time, and delivers the caller's pending signals.
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

/// Handles the signals of this thread; with `all`, also those of the process.
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
        // The thread may be preempted before the handler's first instruction.
        step();
        handler::run(function, &Arrival::new(source));
        step();
        memory::flush();
        machine().leave_handler(me);
        // A change of the mask makes the thread dequeue all signals of the process.
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

    /// Returns the time on a random processor.
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

    /// Sends a signal to the process.
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

    pub(crate) fn is_pending(&mut self, id: usize) -> bool {
        !self.pending.is_empty() || !self.task(id).pending.is_empty()
    }

    /// Chooses a thread for the process's pending signals.
    fn announce(&mut self) {
        let is_candidate = |id: &usize| self.tasks[*id].lives && !self.tasks[*id].blocked;
        let candidates: Vec<usize> = (0..self.tasks.len()).filter(is_candidate).collect();
        self.announced = match (self.pending.len(), candidates.len()) {
            (0, _) | (_, 0) => None,
            (_, n) => Some(candidates[thread_rng().gen_range(0..n)]),
        };
    }

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

    pub(crate) fn block_on_return(&mut self, id: usize) {
        self.task(id).blocked_on_return = true;
    }

    pub(crate) fn action_of(&mut self, signal: i32) -> &mut Disposition {
        if signal == nix::libc::SIGALRM { &mut self.action } else { &mut self.sigint_action }
    }

    /// Changes SIGALRM's disposition.
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

    /// Installs a later handler of the program.
    pub(crate) fn install_over(&mut self, function: Function) {
        self.over_found = self.act(Disposition { function, ..Disposition::PROGRAM });
    }

    /// `setitimer` by the program.
    pub(crate) fn set_interval(&mut self, new: Setting) -> Setting {
        let mut held = self.read_interval();
        // The longest time from the signal to the end of the hrtimer callback.
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

    /// `setitimer` by the library.
    pub(crate) fn set_interval_by_library(&mut self, new: Setting) -> Setting {
        let held = self.set_interval(new);
        self.is_set_by_library = true;
        held
    }

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

    pub(crate) fn is_silent(&self) -> bool {
        let is_silent = |task: &Task| task.pending.is_empty() && !task.is_handling;
        self.next_expiry().is_none()
            && self.pending.is_empty()
            && !self.is_sigint_pending
            && self.tasks.iter().all(is_silent)
    }

    fn is_calm(&self) -> bool {
        let lets_in = |task: &Task| task.lives && !task.blocked;
        let is_calm = |task: &Task| (task.pending.is_empty() || !lets_in(task)) && !task.is_handling;
        (self.pending.is_empty() || !self.tasks.iter().any(lets_in))
            && !self.is_sigint_pending
            && self.tasks.iter().all(is_calm)
    }
}

/// `pthread_sigmask`. Without a change, the thread does not dequeue signals of the process.
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

pub(crate) struct Thread(shuttle::thread::JoinHandle<()>, Arc<AtomicBool>);

/// Starts a thread with the caller's mask. The caller must join it.
pub(crate) fn spawn<'a>(f: impl FnOnce() + Send + 'a) -> Thread {
    let f: Box<dyn FnOnce() + Send + 'a> = Box::new(f);
    // SAFETY: the scenarios join all threads. A failed scenario never resumes its threads.
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
    /// Waits for the end of the thread. Meanwhile, the caller handles signals.
    pub(crate) fn join(self) {
        while !self.1.load(Ordering::Relaxed) {
            pause();
        }
        drop(self.0);
        machine().threads -= 1;
    }
}

/// Starts a thread that advances the clock until [`power_off`].
pub(crate) fn power_on() -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(|| {
        // The clock's speed is random, but lets handlers finish.
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

/// Waits until all deliverable signals are handled.
pub(crate) fn calm() {
    for _ in 0..3 {
        while !machine().is_calm() {
            pause();
        }
        pause();
    }
}

/// Blocks until a handler has run on this thread, as a system call with EINTR.
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

/// Sends a signal from another process at a random time.
pub(crate) fn send_from_outside(source: Source) -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(move || {
        for _ in 0..choose(40) {
            shuttle::thread::yield_now();
        }
        machine().send(source);
    })
}
