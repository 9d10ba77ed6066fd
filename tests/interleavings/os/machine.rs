//! A scripted kernel: one interval timer, one disposition, signals that wait, masks, threads, and a clock.
//!
//! All threads are shuttle's, which lets one of them run at a time and chooses at every *step* which one goes on. A
//! step comes before each atomic operation, each lock and unlock, each reading of the clock and each system call; a
//! thread that has been chosen first takes the signals that wait for it, as a thread does on its way back to the
//! program. So a handler runs on the thread that was interrupted, between any two of its steps, and steps itself:
//! other threads, and what they do to the timer and the disposition, come in between anywhere in it.
//!
//! What holds here because it holds on Linux:
//! - a signal that waits already is not queued a second time, whoever sends it;
//! - the disposition is looked up when a thread takes the signal, and the handler begins some time after;
//! - a ring for the process is announced to one thread that lets it in, any of them; it is taken by that one, or by
//!   one that changes its mask or returns from a handler before, or by `sigtimedwait`; a thread that ends, or shuts it
//!   out, has it announced to another;
//! - what is announced to the caller is delivered before a system call returns;
//! - the timer expires, or is read and set, in one step; one with an interval goes on when its signal is taken;
//! - one of ours that has just expired may be read out as still to ring in a microsecond. (So may a foreign one, and nobody
//!   can tell then whether it has rung: that is a limit, and not played);
//! - one that the library has set, or given back, is read out as none at all in its last microsecond. (So is a foreign one that
//!   the library has never seen, and nobody can know of it: a limit as well.)

use std::cell::{RefCell, RefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use shuttle::rand::{Rng, thread_rng};

use super::disposition::{Disposition, Function};
use super::handler::{self, Arrival};
use super::{memory, setting::Setting};

/// Where a SIGALRM came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Timer,
    /// `kill`, to the process.
    Process,
    /// `pthread_kill`, from within.
    Thread,
}

#[derive(Clone, Default)]
struct Task {
    /// It is a thread of the program's, and has not ended.
    lives: bool,
    blocked: bool,
    /// What waits for this thread only.
    waits: Option<From>,
    /// How many handlers have run on it.
    handled: usize,
    handling: bool,
}

pub(crate) struct Machine {
    now: u64,
    expiry: Option<u64>,
    last_expiry: u64,
    /// The library has set it, for itself or to give it back.
    is_set_by_the_library: bool,
    /// When it has expired, if it has not been set since.
    rang: Option<u64>,
    is_set_by_us: bool,
    interval: u64,
    action: Disposition,
    /// What waits for the process, and the thread that it has been announced to.
    waits: Option<From>,
    announced: Option<usize>,
    tasks: Vec<Task>,
    /// How many threads a look from outside would count.
    threads: usize,
    /// What the owner's handler was called with.
    pub(crate) owner_got: Vec<From>,
    /// Whether the `kill` came while another signal waited, and was merged with it.
    pub(crate) kill_is_lost: bool,
    /// A `kill` is to come the moment that our handler is put in place.
    pub(crate) kill_meets_ours: bool,
    over: bool,
    /// How far a processor's clock may be behind another's, in nanoseconds.
    pub(crate) skew: u64,
    /// What has happened, for whoever looks into a failure.
    story: Vec<String>,
}

impl Machine {
    const fn new() -> Machine {
        Machine {
            now: START,
            expiry: None,
            last_expiry: 0,
            is_set_by_the_library: false,
            rang: None,
            is_set_by_us: false,
            interval: 0,
            action: Disposition::DEFAULT,
            waits: None,
            announced: None,
            tasks: Vec::new(),
            threads: 1,
            owner_got: Vec::new(),
            kill_is_lost: false,
            kill_meets_ours: false,
            over: false,
            skew: 0,
            story: Vec::new(),
        }
    }

    /// Notes what has happened.
    fn tell(&mut self, who: Option<usize>, what: std::fmt::Arguments<'_>) {
        let who = who.map_or("kernel".into(), |id| format!("thread {id}"));
        self.story.push(format!("{:>9.3} us  {who}: {what}", (self.now - START) as f64 / 1_000.0));
    }
}

/// What the clock shows when a machine starts.
const START: u64 = 1_000_000_000;

/// What has happened so far in this execution.
pub(crate) fn story() -> String {
    MACHINE.0.try_borrow().map_or(String::new(), |machine| machine.story.join("\n"))
}

/// Notes what a scenario does.
pub(crate) fn note(what: &str) {
    let me = me();
    machine().tell(Some(me), format_args!("{what}"));
}

/// Shuttle's threads all run on one thread of the system.
struct Alone(RefCell<Machine>);

// SAFETY: `explore` holds a lock while it runs, and what runs in it is on one thread.
unsafe impl Sync for Alone {}

static MACHINE: Alone = Alone(RefCell::new(Machine::new()));

/// Which execution this is; what was written in another is not there.
static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(crate) fn epoch() -> u64 {
    EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn machine() -> RefMut<'static, Machine> {
    MACHINE.0.borrow_mut()
}

/// The calling thread.
pub(crate) fn me() -> usize {
    shuttle::current::me().into()
}

/// A new process, with the calling thread in it.
pub(crate) fn boot() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    memory::boot();
    *machine() = Machine::new();
    let me = me();
    machine().task(me).lives = true;
}

pub(crate) fn chance(one_in: u32) -> bool {
    thread_rng().gen_ratio(1, one_in)
}

/// Another thread may run now; then signals that wait come in.
pub(crate) fn step() {
    if std::thread::panicking() {
        return;
    }
    shuttle::thread::sleep(std::time::Duration::ZERO); // Nothing but a point at which the scheduler chooses.
    memory::settle();
    deliver(false);
}

/// The same, and others had better run.
pub(crate) fn pause() {
    if std::thread::panicking() {
        return;
    }
    shuttle::thread::yield_now();
    memory::settle();
    deliver(false);
}

/// A system call: it takes some time, it is one step, and what is announced to the caller comes before it returns.
pub(crate) fn call<T>(what: impl FnOnce(&mut Machine, usize) -> T) -> T {
    step();
    memory::flush();
    let me = me();
    let result = {
        let mut machine = machine();
        machine.advance(250);
        what(&mut machine, me)
    };
    if !std::thread::panicking() {
        deliver(false);
    }
    result
}

/// Takes what waits for this thread, and if `all`, what waits for the process.
fn deliver(mut all: bool) {
    let me = me();
    loop {
        let taken = machine().take_for(me, all);
        let Some((from, action)) = taken else { return };
        memory::flush(); // The kernel takes a lock.
        let function = match action.function {
            Function::Default => panic!("SIGALRM ({from:?}) met the default action: the process is dead"),
            Function::Ignore => continue,
            function => function,
        };
        machine().enter_handler(me);
        // Between the kernel's choice of the handler and its first instruction.
        step();
        match function {
            Function::Ours => handler::run(&Arrival::new(from)),
            _ => machine().give_owner(from),
        }
        step();
        memory::flush();
        machine().leave_handler(me);
        // A thread that changes its mask takes what waits for the process, whoever it was announced to.
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

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// What a thread reads that may be on any processor.
    pub(crate) fn reading(&mut self) -> u64 {
        self.advance(20);
        self.now - if self.skew == 0 { 0 } else { thread_rng().gen_range(0..=self.skew) }
    }

    pub(crate) fn advance(&mut self, nanos: u64) {
        self.now += nanos;
        if self.expiry.is_some_and(|expiry| expiry <= self.now) {
            self.last_expiry = self.expiry.take().unwrap_or(0);
            self.rang = self.is_set_by_us.then_some(self.now);
            self.send(From::Timer);
        }
    }

    /// A signal for the process.
    pub(crate) fn send(&mut self, from: From) {
        if let Some(waits) = self.waits {
            self.tell(None, format_args!("SIGALRM ({from:?}) is merged with one that waits ({waits:?})"));
            return;
        }
        self.tell(None, format_args!("SIGALRM ({from:?}) is sent"));
        let wanted = self.tasks.iter().any(|task| task.lives && !task.blocked);
        if wanted && matches!(self.action.function, Function::Ignore) {
            return;
        }
        self.waits = Some(from);
        self.announce();
    }

    /// Announces what waits for the process to a thread that lets it in, if there is one.
    fn announce(&mut self) {
        let candidates: Vec<usize> =
            (0..self.tasks.len()).filter(|id| self.tasks[*id].lives && !self.tasks[*id].blocked).collect();
        self.announced = match candidates.len() {
            0 => None,
            n => Some(candidates[thread_rng().gen_range(0..n)]),
        };
    }

    /// A signal for one thread.
    pub(crate) fn send_to(&mut self, id: usize, from: From) {
        self.tell(None, format_args!("SIGALRM is sent to thread {id}"));
        assert!(self.task(id).lives, "pthread_kill of a thread that has ended");
        self.task(id).waits.get_or_insert(from);
    }

    fn take_for(&mut self, id: usize, all: bool) -> Option<(From, Disposition)> {
        let announced = self.announced == Some(id);
        let task = self.task(id);
        if task.blocked || !task.lives {
            return None;
        }
        let from = match task.waits.take() {
            Some(from) => from,
            None if announced || all => self.take_shared()?,
            None => return None,
        };
        let function = self.action.function;
        self.tell(Some(id), format_args!("takes SIGALRM ({from:?}) for {function:?}"));
        Some((from, self.action))
    }

    /// `sigtimedwait` with no time to wait.
    pub(crate) fn take(&mut self, id: usize) -> Option<From> {
        let taken = self.task(id).waits.take().or_else(|| self.take_shared());
        self.tell(Some(id), format_args!("sigtimedwait: {taken:?}"));
        taken
    }

    fn take_shared(&mut self) -> Option<From> {
        let taken = self.waits.take()?;
        self.announced = None;
        if self.interval > 0 && self.expiry.is_none() {
            let missed = (self.now - self.last_expiry) / self.interval;
            self.expiry = Some(self.last_expiry + self.interval * (missed + 1));
        }
        Some(taken)
    }

    fn enter_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked = true;
        task.handling = true;
        if self.announced == Some(id) {
            self.announce();
        }
    }

    fn leave_handler(&mut self, id: usize) {
        let task = self.task(id);
        task.blocked = false;
        task.handling = false;
        task.handled += 1;
        self.tell(Some(id), format_args!("returns from the handler"));
    }

    /// `sigaction`.
    pub(crate) fn act(&mut self, new: Option<Disposition>) -> Disposition {
        let old = self.action;
        self.action = new.unwrap_or(old);
        if new.is_some() {
            let new = self.action.function;
            self.tell(None, format_args!("sigaction: {new:?} after {:?}", old.function));
        }
        if matches!(self.action.function, Function::Ours) && std::mem::take(&mut self.kill_meets_ours) {
            self.send(From::Process);
        }
        if matches!(self.action.function, Function::Ignore) {
            self.waits = None;
            self.announced = None;
            self.tasks.iter_mut().for_each(|task| task.waits = None);
        }
        old
    }

    /// `setitimer`.
    pub(crate) fn set_timer(&mut self, new: Setting) -> Setting {
        let mut held = self.read_timer();
        // Its signal is sent, and the function that has sent it, on some processor, is not quite over.
        const TAIL: u64 = 300_000;
        let rang = self.rang.take();
        if held == Setting::DISARMED && rang.is_some_and(|at| self.now - at < TAIL) && chance(2) {
            held.remaining = std::time::Duration::from_micros(1);
        }
        let Setting { remaining, interval } = new.in_micros();
        self.tell(None, format_args!("setitimer: {remaining:?} + {interval:?} after {held:?}"));
        self.interval = interval.as_nanos() as u64;
        self.expiry = (!remaining.is_zero()).then(|| self.now + remaining.as_nanos() as u64);
        self.is_set_by_us = false;
        self.is_set_by_the_library = false;
        held
    }

    /// The same, by the library. What it sets when its handler is away is foreign, and given back.
    pub(crate) fn set_our_timer(&mut self, new: Setting) -> Setting {
        let held = self.set_timer(new);
        self.is_set_by_us = self.action.is_ours();
        self.is_set_by_the_library = true;
        held
    }

    /// `getitimer`.
    pub(crate) fn read_timer(&self) -> Setting {
        let mut held = self.timer();
        if self.is_set_by_the_library && self.expiry.is_some_and(|expiry| expiry < self.now + 1_000) {
            held.remaining = std::time::Duration::ZERO;
        }
        held
    }

    /// What is to come, in whole microseconds, and no less than one.
    pub(crate) fn timer(&self) -> Setting {
        let micros = |nanos: u64| std::time::Duration::from_micros(nanos / 1_000);
        let remaining = self.expiry.map_or(0, |expiry| expiry.saturating_sub(self.now).max(1_000));
        Setting { remaining: micros(remaining), interval: micros(self.interval) }
    }

    pub(crate) fn give_owner(&mut self, from: From) {
        self.owner_got.push(from);
        self.tell(None, format_args!("the owner gets SIGALRM ({from:?})"));
    }

    pub(crate) fn blocks(&mut self, id: usize) -> bool {
        self.task(id).blocked
    }

    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    pub(crate) fn action(&self) -> Disposition {
        self.action
    }

    /// Whether nothing is to come any more, and nobody is at it.
    pub(crate) fn is_silent(&self) -> bool {
        self.expiry.is_none()
            && self.waits.is_none()
            && self.tasks.iter().all(|task| task.waits.is_none() && !task.handling)
    }
}

/// `pthread_sigmask`; says whether SIGALRM was blocked.
pub(crate) fn change_mask(block: bool) -> bool {
    step();
    memory::flush();
    let me = me();
    let before = {
        let mut machine = machine();
        machine.advance(150);
        let before = std::mem::replace(&mut machine.task(me).blocked, block);
        machine.tell(Some(me), format_args!("blocks SIGALRM: {block} after {before}"));
        if block && machine.announced == Some(me) {
            machine.announce();
        }
        before
    };
    if !std::thread::panicking() {
        deliver(true);
    }
    before
}

/// A thread of the program's.
pub(crate) struct Thread(shuttle::thread::JoinHandle<()>, std::sync::Arc<std::sync::atomic::AtomicBool>);

/// Starts a thread, which inherits the mask. It must be joined before what it borrows goes.
pub(crate) fn spawn<'a>(f: impl FnOnce() + Send + 'a) -> Thread {
    let f: Box<dyn FnOnce() + Send + 'a> = Box::new(f);
    // SAFETY: the scenarios join all their threads; one that fails ends the test, and its threads are never run again.
    let f: Box<dyn FnOnce() + Send + 'static> = unsafe { std::mem::transmute(f) };
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let sign = ended.clone();
    let me = me();
    let blocked = {
        let mut machine = machine();
        machine.threads += 1;
        machine.blocks(me)
    };
    memory::flush();
    let handle = shuttle::thread::spawn(move || {
        let me = self::me();
        *machine().task(me) = Task { lives: true, blocked, ..Task::default() };
        if !blocked && machine().waits.is_some() && machine().announced.is_none() {
            machine().announce();
        }
        f();
        step();
        memory::flush();
        {
            let mut machine = machine();
            *machine.task(me) = Task::default();
            machine.tell(Some(me), format_args!("ends"));
            if machine.announced == Some(me) {
                machine.announce();
            }
        }
        // Whoever waits for it goes on...
        sign.store(true, Ordering::Relaxed);
        shuttle::thread::sleep(std::time::Duration::ZERO);
        // ...and it is counted a little longer.
        machine().threads -= 1;
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
    }
}

/// The world outside of the program: lets time pass, until [`power_off`].
pub(crate) fn power_on() -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(|| {
        // How time goes is part of what is explored: it may creep or leap; but not so that a handler never gets done.
        let leaps = [8, 30, 150][thread_rng().gen_range(0..3)];
        while !machine().over {
            {
                let mut machine = machine();
                let nanos = match (machine.expiry, chance(leaps)) {
                    (Some(expiry), true) => {
                        expiry.saturating_sub(machine.now) + thread_rng().gen_range(0..3) * 400
                    }
                    (None, true) => thread_rng().gen_range(0..2_000_000),
                    _ => thread_rng().gen_range(0..3_000),
                };
                machine.advance(nanos);
            }
            shuttle::thread::yield_now();
        }
    })
}

pub(crate) fn power_off(world: shuttle::thread::JoinHandle<()>) {
    machine().over = true;
    let _ = world.join();
}

/// Lets everything that waits come in.
pub(crate) fn calm() {
    for _ in 0..3 {
        while !machine().is_silent_but_for_the_timer() {
            pause();
        }
        pause();
    }
}

impl Machine {
    fn is_silent_but_for_the_timer(&self) -> bool {
        let somebody = self.tasks.iter().any(|task| task.lives && !task.blocked);
        (self.waits.is_none() || !somebody)
            && self.tasks.iter().all(|task| (task.waits.is_none() || task.blocked) && !task.handling)
    }
}

/// A system call that waits until a handler has run on this thread: EINTR.
pub(crate) fn wait_for_a_signal() {
    step();
    let me = me();
    let before = machine().task(me).handled;
    let mut silent = 0;
    while machine().task(me).handled == before {
        silent = if machine().is_silent() { silent + 1 } else { 0 };
        assert!(silent < 100, "nobody will wake this thread");
        pause();
    }
}

/// Somebody else's process sends a SIGALRM.
pub(crate) fn kill_from_outside() -> shuttle::thread::JoinHandle<()> {
    shuttle::thread::spawn(|| {
        for _ in 0..thread_rng().gen_range(0..40) {
            shuttle::thread::yield_now();
        }
        let mut machine = machine();
        machine.kill_is_lost = machine.waits.is_some();
        machine.send(From::Process);
    })
}

/// A number below `n`, chosen anew in each execution.
pub(crate) fn choose(n: u32) -> u32 {
    thread_rng().gen_range(0..n)
}
