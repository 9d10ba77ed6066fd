//! The bell and those who answer it.
//!
//! The handler rings; a check that hears it comes here, takes the lock, **stills the bell before it looks**,
//! reads the clock, expires what is due, programs the kernel's timer for what comes next, and answers. While
//! an expired alarm lives the bell stays rung, so that every later check comes here and is answered rightly.
//!
//! The signal is a hint, the deadline is the truth: a ring that means nothing costs one look, and a ring
//! that nobody answers is not lost, for the bell stays rung.

mod audit;
mod foreign;
mod given_back;
mod kernel;
mod last_resort;
mod owner;
mod places;
mod programmed;
pub(crate) mod rehearsal;
mod script;
pub(crate) mod signals;
mod stage;
mod thread;
mod tickers;
mod wait;
mod waiters;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use once_cell::race::OnceBool;

use self::audit::Audits;
use self::kernel::Kernel;
use self::last_resort::LastResorts;
use self::signals::Signals;
use self::stage::{Stage, Stages};
use crate::error::{AlarmId, ArmError, Cause, Expiry, TimedOut};
use crate::gap::Gap;
use crate::os::clock;
use crate::os::disposition::Disposition;
use crate::os::flag::Flag;
use crate::os::fork::{self, ForkMutex, ForkSafe, MutexGuard};
use crate::os::pending;
use crate::schedule::{Cpu, Entry, Key, More, Removed, Schedule, Scope, StageId, Standing, Terms};
use crate::time::{CpuClock, Time};

pub(crate) use self::last_resort::Grace;
pub(crate) use self::places::Place;
pub(crate) use self::script::{PATIENCE, Script};
pub(crate) use self::wait::{Waiting, ask_again, until_next};

/// The bell: "somebody has something to say; come and ask".
///
/// Relaxed suffices to read and to ring it, because it is a hint: whoever acts on it takes the lock, and the
/// lock orders everything else.
static BELL: Flag = Flag::new();

/// Whether a check must come and ask. The hot path, whole.
#[inline(always)]
pub(crate) fn is_rung() -> bool {
    BELL.is_set()
}

/// Calls everybody to come and ask: every check and every ticker. Async-signal-safe.
fn rouse() {
    audit::note_ring(&BELL);
    BELL.set();
    tickers::call_all();
}

/// The schedule and the kernel's side of it, changed together under one lock. Nothing that is done under it
/// calls the program's code, so it cannot be entered twice; no handler takes it.
struct State {
    schedule: Schedule,
    kernel: Kernel,
    signals: Signals,
    last_resorts: LastResorts,
    audits: Audits,
    /// Who rehearses, apart from all this.
    stages: Stages,
    /// How many alarms were expired when those who wait were last told.
    told_expired: usize,
    /// Whether there are only plain alarms, none of them expired, and nobody else for whom the kernel would have to ring.
    calm: bool,
}

impl State {
    const fn new(schedule: Schedule) -> State {
        State {
            schedule,
            kernel: Kernel::new(),
            signals: Signals::new(),
            last_resorts: LastResorts::new(),
            audits: Audits::new(),
            stages: Stages::new(),
            told_expired: 0,
            calm: false,
        }
    }
}

static STATE: ForkMutex<State> = ForkMutex::new(State::new(Schedule::new()));

impl State {
    /// Answers the bell: afterwards nothing that was due at the returned moment is pending.
    fn look(&mut self) -> Time {
        // The race: a handler on another thread rings while we still the bell.
        // - Its ring lands before our clearing, and is wiped out. Then its moment had come before, and the
        //   clock, which is read after, shows so: the look finds it due. (That the clearing is visible to
        //   everybody before the clock is read is `clear`'s promise. Without it the clearing could come late,
        //   and wipe out a ring of later than what the clock showed: an alarm lost.)
        // - Its ring lands after our clearing. It stays, and the next check looks again.
        //
        // With an expired alarm alive the bell must not be still for a moment: a check of that alarm on
        // another thread, which has been told so before, would find it well again. Nor with one that counts, or
        // a rehearsal: a check on another thread would not be counted.
        self.audits.take_ring();
        if !self.schedule.any_expired() && !self.schedule.any_counting() && self.stages.is_empty() {
            BELL.clear();
        }
        let now = clock::now();
        for number in signals::take_arrived() {
            // A second one that came between the last answer and its announcement to the handler: nobody listens
            // any more, so it is the owner's.
            if !self.schedule.signal(number) {
                pending::resend_signal(number);
            }
        }
        self.settle(now);
        now
    }

    /// What the schedule must know of an alarm's wishes. Its signals are handled from now on.
    fn begin(&mut self, wishes: &Wishes) -> Result<Box<More>, ArmError> {
        let cpu = wishes.cpu.map(start_of).transpose()?;
        self.signals.engage(wishes.signals)?;
        let checks_left = wishes.checks.unwrap_or(0);
        Ok(Box::new(More {
            cpu,
            checks: wishes.checks,
            checks_left,
            signals: wishes.signals,
            ..More::default()
        }))
    }

    /// Whether everything is in step as it is, after a plain alarm has come or begun again. The short way, for nearly
    /// every nested guard and every restart.
    fn is_calm(&self, now: Time) -> bool {
        self.calm && self.kernel.covers(self.schedule.next(), Duration::ZERO, now)
    }

    /// Brings bell and timer in step with the schedule.
    fn settle(&mut self, now: Time) {
        let programmed = self.try_settle(now).unwrap_or(false);
        // Should the kernel refuse to set the timer, or must it be left alone, the bell stays rung: then every
        // check comes here and reads the clock. Slow, and still right.
        if !programmed {
            rouse();
        }
    }

    /// The same; says whether the kernel will ring.
    fn try_settle(&mut self, now: Time) -> Result<bool, ArmError> {
        self.calm = false;
        // With no alarm the kernel is none of our business.
        if self.schedule.is_empty() {
            return Ok(true);
        }
        self.schedule.expire(now, clock::cpu_now);
        if self.signals.in_use() {
            signals::publish(self.schedule.listening());
        }
        let expired = self.schedule.count_expired();
        // To count checks every check must come.
        if expired > 0 || self.schedule.any_counting() {
            BELL.set();
        }
        let mut wanted = self.schedule.next().min(self.audits.next(now));
        if self.kernel.is_awaited() {
            // Whoever waits must be told, also if some other thread was the first to notice.
            if expired > self.told_expired {
                waiters::wake_others();
            }
            // And told again, if this, or a signal that rings, came between its check and its wait.
            if expired > 0 || self.signals.in_use() {
                wanted = wanted.min(now.after(kernel::AGAIN));
            }
        }
        self.told_expired = expired;
        let programmed = self.kernel.program(wanted, now, &self.signals)?;
        let plain = expired == 0 && !self.schedule.any_counting() && !self.signals.in_use();
        self.calm = programmed && plain && self.audits.is_empty() && self.kernel.rings_for_alarms_only();
        Ok(programmed)
    }
}

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    fn renewed(&self) -> State {
        thread::start_again();
        let kernel = self.kernel.renewed();
        let signals = self.signals.renewed();
        BELL.clear();
        let stages = self.stages.successor();
        State { kernel, signals, stages, ..State::new(self.schedule.successor()) }
    }
}

/// When an alarm is to expire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    After(Duration),
    At(Time),
    Never,
}

impl Due {
    /// The limit, counted from now, and the deadline.
    fn from(self, now: Time) -> (Option<Duration>, Time) {
        match self {
            Due::After(limit) => {
                let deadline = now.after(limit);
                ((!deadline.is_never()).then_some(limit), deadline)
            }
            Due::At(time) if !time.is_never() => (Some(time.since(now)), time),
            Due::At(_) | Due::Never => (None, Time::NEVER),
        }
    }
}

/// Whose processor time a limit is on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CpuOf {
    Process,
    Thread,
}

/// What an alarm is to be.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) due: Due,
    pub(crate) label: Option<Arc<str>>,
    /// What few alarms have, kept apart so that the others stay small.
    pub(crate) wishes: Option<Box<Wishes>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) cpu: Option<(CpuOf, Duration)>,
    pub(crate) checks: Option<u64>,
    pub(crate) signals: u32,
    pub(crate) last_resort: Option<Grace>,
    pub(crate) audit: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(due: Due) -> Plan {
        Plan { due, label: None, wishes: None }
    }
}

/// What must happen once before the first alarm, and before anybody takes the lock, so that a forked child begins with
/// no alarms, with ids of its own, and with the lock free.
///
/// Two threads may be in here at once, and both register the hooks, which allow for it. To have one wait for the other
/// would hang a child that is forked just then: it has no other.
pub(crate) fn prepare() -> Result<(), ArmError> {
    static DONE: OnceBool = OnceBool::new();
    let prepare = || {
        kernel::prepare();
        fork::register::<State>().map(|()| true)
    };
    DONE.get_or_try_init(prepare).map_err(|e| ArmError::system("pthread_atfork", e))?;
    Ok(())
}

/// The lock, for those who may come before any alarm and cannot fail. Without hooks all goes well until the program forks
/// in the very moment in which another thread holds the lock.
fn state_prepared() -> MutexGuard<'static, State> {
    let _ = prepare();
    STATE.lock()
}

/// Arms an alarm of the calling thread. When it fails, nothing has changed.
#[inline(always)] // Its one caller builds the guard from what it returns, in place.
pub(crate) fn arm(plan: &Plan) -> Result<Key, ArmError> {
    prepare()?;
    let scope = thread::scope();
    let mut state = STATE.lock();
    if !state.stages.is_empty() {
        if let Some(key) = rehearsal::arm(&mut state, scope, plan) {
            return Ok(key);
        }
    }
    let more = plan.wishes.as_deref().map(|wishes| state.begin(wishes)).transpose()?;
    let now = clock::now();
    let (limit, deadline) = plan.due.from(now);
    let key = state.schedule.insert(Terms { scope, label: plan.label.clone(), limit, deadline, more }, now);
    if plan.wishes.is_none() && state.is_calm(now) {
        return finish_calmly(state, key);
    }
    if let Some(wishes) = &plan.wishes {
        let State { schedule, last_resorts, audits, .. } = &mut *state;
        if let (Some(grace), Some(entry)) = (wishes.last_resort, schedule.get(key)) {
            last_resorts.add(key, entry, grace);
        }
        if let Some(threshold) = wishes.audit {
            audits.add(key, scope, threshold, now);
        }
    }
    finish_arming(state, key, now)
}

/// Arms a ticker of the calling thread; its flag is set whenever it should look.
pub(crate) fn arm_ticker(period: Duration) -> Result<(Key, &'static Place<Flag>), ArmError> {
    prepare()?;
    let scope = thread::scope();
    let mut state = STATE.lock();
    if let Some((stage, life)) = state.rehearsed(thread::stage()) {
        return Ok((stage.arm_ticker(period, scope, life), tickers::take()));
    }
    let now = clock::now();
    let more = Some(Box::new(More { period: Some(period), ..More::default() }));
    let terms = Terms { scope, label: None, limit: None, deadline: now.after(period), more };
    let key = state.schedule.insert(terms, now);
    let flag = tickers::take();
    match finish_arming(state, key, now) {
        Ok(key) => Ok((key, flag)),
        Err(e) => {
            flag.give_back();
            Err(e)
        }
    }
}

/// Takes a ticker of the calling thread away, and gives its flag back.
pub(crate) fn release_ticker(key: Key, flag: &Place<Flag>) {
    // In a forked child the flag may have gone to one of the child's own.
    if release(key) {
        flag.give_back();
    }
}

fn start_of((of, limit): (CpuOf, Duration)) -> Result<Cpu, ArmError> {
    let failed = |e| ArmError::system("clock_gettime", e);
    let clock = match of {
        CpuOf::Process => clock::PROCESS_CPU,
        CpuOf::Thread => clock::thread_cpu().map_err(failed)?,
    };
    match clock::cpu_now(clock) {
        Some(since) => Ok(Cpu::new(clock, limit, since)),
        None => Err(failed(std::io::Error::last_os_error())),
    }
}

/// Lets SIGALRM in on the calling thread and brings everything in step: in this order. A signal that waited behind the mask
/// meets our handler then, and no ring of ours, with which the kernel would merge it.
fn finish_arming(mut state: MutexGuard<'_, State>, key: Key, now: Time) -> Result<Key, ArmError> {
    if let Err(e) = state.kernel.stand_in().and_then(|()| thread::enter()) {
        take_back(state, key);
        return Err(e);
    }
    match state.try_settle(now) {
        Ok(true) => {}
        Ok(false) => rouse(),
        Err(e) => {
            let close = thread::leave();
            take_back(state, key);
            if close {
                owner::closed();
            }
            return Err(e);
        }
    }
    Ok(key)
}

/// Everything is in step already; what is left is to let SIGALRM in on the calling thread.
fn finish_calmly(state: MutexGuard<'_, State>, key: Key) -> Result<Key, ArmError> {
    if let Err(e) = thread::enter() {
        take_back(state, key);
        return Err(e);
    }
    Ok(key)
}

#[cold]
fn take_back(mut state: MutexGuard<'_, State>, key: Key) {
    let removed = state.schedule.remove(key);
    put_away(state, key, removed);
}

/// Takes an alarm of the calling thread away. A key from before a fork names nothing: nothing happens, and the answer
/// is `false`.
pub(crate) fn release(key: Key) -> bool {
    let mut state = STATE.lock();
    if key.stage().is_some() {
        let entry = state.stages.get(key.stage()).and_then(|stage| stage.schedule.remove(key));
        drop(state);
        return entry.is_some();
    }
    let removed = state.schedule.remove(key);
    let alive = removed.is_some();
    if alive {
        let close = thread::leave();
        put_away(state, key, removed);
        if close {
            owner::closed();
        }
    }
    alive
}

/// Has everything forget an alarm that has left the schedule.
fn put_away(mut state: MutexGuard<'_, State>, key: Key, removed: Option<Removed>) {
    if let Some(removed) = removed.as_ref().filter(|removed| !removed.is_plain()) {
        state.last_resorts.remove(key);
        state.audits.remove(key);
        let signals = removed.signals();
        if signals != 0 {
            signals::publish(state.schedule.listening());
            state.signals.disengage(signals);
        }
    }
    if state.schedule.is_empty() {
        state.calm = false;
        state.kernel.disengage();
        // Nobody is left whom it could call, and whoever comes next takes the lock after us. Should it be rung
        // later, the next look stills it.
        if state.stages.is_empty() {
            BELL.reset();
        }
    }
    drop(state);
    drop(removed); // Outside the lock: it may free the label's memory.
}

/// The answer to a check of one alarm: itself, or the outermost of those that enclose it, has expired.
#[cold]
#[inline(never)]
pub(crate) fn answer(key: Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
    let mut state = STATE.lock();
    if !state.stages.is_empty() {
        return rehearsal::answer(state, Some(key), location);
    }
    state.ask_around(key, location)
}

/// The answer to a check of every alarm of the calling thread.
#[cold]
#[inline(never)]
pub(crate) fn answer_here(location: &'static Location<'static>) -> Result<(), TimedOut> {
    let mut state = STATE.lock();
    if !state.stages.is_empty() {
        return rehearsal::answer(state, None, location);
    }
    state.ask_in(thread::scope(), location)
}

impl State {
    /// Asks an alarm, and those that enclose it.
    fn ask_around(&mut self, key: Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
        let now = self.look();
        self.audits.answer(thread::scope(), now, location);
        if self.schedule.any_counting() {
            self.schedule.count_around(key);
        }
        self.verdict(self.schedule.expired_around(key), now, location)
    }

    /// Asks every alarm of a scope.
    fn ask_in(&mut self, scope: Scope, location: &'static Location<'static>) -> Result<(), TimedOut> {
        let now = self.look();
        self.audits.answer(thread::scope(), now, location);
        if self.schedule.any_counting() {
            self.schedule.count_in(scope);
        }
        self.verdict(self.schedule.expired_in(scope), now, location)
    }

    fn verdict(
        &self,
        expired: Option<&Entry>,
        now: Time,
        location: &'static Location<'static>,
    ) -> Result<(), TimedOut> {
        let Some(entry) = expired else { return Ok(()) };
        self.last_resorts.answered(&self.schedule, entry.scope);
        timed_out(entry, Moment { now, rehearsed: false }, location).map_or(Ok(()), Err)
    }

    /// The stage of that name, and the schedule of real life.
    fn rehearsed(&mut self, stage: StageId) -> Option<(&mut Stage, &mut Schedule)> {
        self.stages.get(stage).map(|stage| (stage, &mut self.schedule))
    }
}

/// A moment by the clock that an alarm lives by.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    now: Time,
    rehearsed: bool,
}

impl Moment {
    /// What a processor's clock shows; in a rehearsal it goes with the other.
    fn cpu(self, clock: CpuClock) -> Option<Time> {
        if self.rehearsed { Some(self.now) } else { clock::cpu_now(clock) }
    }
}

/// What to tell of an alarm that has expired.
fn timed_out(entry: &Entry, moment: Moment, location: &'static Location<'static>) -> Option<TimedOut> {
    let cause = entry.expired?;
    let (limit, elapsed) = match entry.cpu().filter(|_| cause == Cause::Cpu) {
        // In the time that was limited.
        Some(cpu) => (Some(cpu.limit), moment.cpu(cpu.clock).map_or(cpu.limit, |t| t.since(cpu.since))),
        None => (entry.limit, moment.now.since(entry.since)),
    };
    // One that a script has expired had no deadline until then.
    let limit = limit.or_else(|| (cause == Cause::Deadline).then(|| entry.deadline.since(entry.since)));
    Some(TimedOut::new(Expiry {
        alarm: entry.id,
        label: entry.label.clone(),
        limit,
        elapsed,
        cause,
        location: location.into(),
    }))
}

/// The answer to a ticker that was called: how many periods have passed since it was last asked.
#[cold]
#[inline(never)]
pub(crate) fn ticks(key: Key, flag: &Flag) -> u64 {
    let mut state = STATE.lock();
    // Before the look, for the reason that is given there.
    flag.clear();
    if key.stage().is_some() {
        return state.stages.get(key.stage()).map_or(0, |stage| stage.schedule.ticks(key, stage.now));
    }
    let now = state.look();
    state.schedule.ticks(key, now)
}

/// What the schedule says of an alarm, and the time by the clock; `None` for a key from before a fork.
pub(crate) fn inspect<T>(key: Key, ask: impl FnOnce(&Entry, Time) -> T) -> Option<T> {
    let mut state = STATE.lock();
    if let Some((stage, _)) = state.rehearsed(key.stage()) {
        return stage.schedule.get(key).map(|entry| ask(entry, stage.now));
    }
    let now = clock::now();
    state.schedule.get(key).map(|entry| ask(entry, now))
}

/// Changes an alarm, and brings everything in step with it.
fn change(key: Key, change: impl FnOnce(&mut Schedule, Moment)) {
    let mut state = STATE.lock();
    if key.stage().is_some() {
        if let Some((stage, _)) = state.rehearsed(key.stage()) {
            let moment = stage.moment();
            change(&mut stage.schedule, moment);
            stage.settle();
        }
        return;
    }
    let now = clock::now();
    change(&mut state.schedule, Moment { now, rehearsed: false });
    if state.is_calm(now)
        && state.schedule.get(key).is_none_or(|entry| entry.is_plain() && entry.expired.is_none())
    {
        return;
    }
    let State { schedule, last_resorts, .. } = &mut *state;
    last_resorts.change(key, schedule.get(key));
    state.settle(now);
}

pub(crate) fn restart(key: Key) {
    change(key, |schedule, moment| schedule.restart(key, moment.now, |clock| moment.cpu(clock)));
    if key.stage().is_some() {
        rehearsal::direct(key, |script| script.disarmed = false);
    }
}

pub(crate) fn extend(key: Key, more: Duration) {
    change(key, |schedule, _| schedule.extend(key, more));
}

pub(crate) fn disarm(key: Key) {
    change(key, |schedule, _| schedule.disarm(key));
    if key.stage().is_some() {
        rehearsal::direct(key, |script| script.disarmed = true);
    }
}

/// Expires an alarm at once.
pub(crate) fn ring(key: Key, cause: Cause) {
    change(key, |schedule, _| schedule.ring(key, cause));
}

/// When the next alarm falls due, for whoever is about to wait and cannot check while it does: it waits no longer than
/// this and then asks [`answer_here`]. `None` on a thread without alarms.
pub(crate) fn next_here() -> Option<Time> {
    let scope = thread::scope();
    let state = state_prepared();
    state.schedule.has_any_in(scope).then(|| state.schedule.next())
}

/// An id for a limit that is kept by other means than an alarm.
pub(crate) fn unused_id() -> AlarmId {
    state_prepared().schedule.next_id()
}

/// Places an alarm around everything that the calling thread does from now on, which only a [`ring`] expires. It needs
/// neither timer nor handler, so the process stays as it is.
pub(crate) fn stand_by(label: Option<Arc<str>>) -> Result<Key, ArmError> {
    prepare()?;
    let scope = thread::scope();
    let terms = Terms { scope, label, limit: None, deadline: Time::NEVER, more: None };
    Ok(STATE.lock().schedule.insert(terms, clock::now()))
}

/// Takes it away again.
pub(crate) fn stand_down(key: Key) {
    let mut state = STATE.lock();
    let removed = state.schedule.remove(key);
    put_away(state, key, removed);
}

/// The longest stretch without a check that an alarm's audit has seen.
pub(crate) fn longest_gap(key: Key) -> Option<Gap> {
    STATE.lock().audits.longest(key)
}

/// Makes an alarm one of the calling thread's; hands back where it stands among them.
pub(crate) fn enter(key: Key) -> Standing {
    let mut state = STATE.lock();
    if let Some((stage, life)) = state.rehearsed(key.stage()) {
        stage.schedule.take_id_from(life);
        return stage.schedule.enter(key, thread::scope());
    }
    state.schedule.enter(key, thread::scope())
}

/// Takes it from the thread again.
pub(crate) fn leave(standing: Standing) {
    let mut state = STATE.lock();
    match state.rehearsed(standing.stage()) {
        Some((stage, _)) => stage.schedule.leave(standing),
        None => state.schedule.leave(standing),
    }
}

/// Leaves the process as it was before the first guard, until [`resume`] has been called as often.
pub(crate) fn suspend() {
    let mut state = state_prepared();
    let closed = thread::suspend();
    state.calm = false;
    state.kernel.suspend();
    // Nobody rings now: every check comes and reads the clock.
    rouse();
    drop(state);
    if closed {
        owner::closed();
    }
}

pub(crate) fn resume() {
    let mut state = STATE.lock();
    state.kernel.resume();
    // In the order of `finish_arming`. If our handler cannot be put in place, `settle` has the bell stay rung.
    let _ = if state.schedule.is_empty() { Ok(()) } else { state.kernel.stand_in() };
    thread::resume();
    state.settle(clock::now());
}

/// A disposition that the handler may read at any time from now on. Each distinct one is kept once.
fn kept_for_good(kept: &mut Vec<&'static Disposition>, disposition: &Disposition) -> &'static Disposition {
    match kept.iter().find(|known| known.same_as(disposition)) {
        Some(known) => known,
        None => {
            let known: &'static Disposition = Box::leak(Box::new(*disposition));
            kept.push(known);
            known
        }
    }
}
