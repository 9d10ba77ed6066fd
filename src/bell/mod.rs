//! The bell and those who answer it.
//!
//! The handler rings; a check that hears it comes here, takes the lock, **stills the bell before it looks**,
//! reads the clock, expires what is due, programs the kernel's timer for what comes next, and answers. While
//! an expired alarm lives the bell stays rung, so that every later check comes here and is answered rightly.
//!
//! The signal is a hint, the deadline is the truth: a ring that means nothing costs one look, and a ring
//! that nobody answers is not lost, for the bell stays rung.

mod foreign;
mod kernel;
mod owner;
mod programmed;
mod thread;
mod waiters;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;
use parking_lot::MutexGuard;

use self::kernel::Kernel;
use crate::error::{AlarmId, ArmError, Cause, Expiry, TimedOut};
use crate::os::clock;
use crate::os::flag::Flag;
use crate::os::fork::{self, ForkMutex, ForkSafe};
use crate::schedule::{Entry, Key, Place, Schedule, Terms};
use crate::time::Time;

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

/// The schedule and the kernel's side of it, changed together under one lock. Nothing that is done under it
/// calls the program's code, so it cannot be entered twice; no handler takes it.
struct State {
    schedule: Schedule,
    kernel: Kernel,
}

static STATE: ForkMutex<State> = ForkMutex::new(State { schedule: Schedule::new(), kernel: Kernel::new() });

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
        // another thread, which has been told so before, would find it well again.
        if !self.schedule.any_expired() {
            BELL.clear();
        }
        let now = clock::now();
        self.settle(now);
        now
    }

    /// Brings bell and timer in step with the schedule.
    fn settle(&mut self, now: Time) {
        self.schedule.expire(now);
        let expired = self.schedule.any_expired();
        // Whoever waits must be told, also if some other thread was the first to notice.
        let wanted = if expired && self.kernel.is_awaited() { now } else { self.schedule.next() };
        // Should the kernel refuse to set the timer, or must it be left alone, the bell stays rung: then every
        // check comes here and reads the clock. Slow, and still right.
        let programmed = self.kernel.program(wanted, now).unwrap_or(false);
        if expired || !programmed {
            BELL.set();
        }
    }
}

impl ForkSafe for State {
    fn home() -> &'static ForkMutex<State> {
        &STATE
    }

    fn renewed(&self) -> State {
        thread::start_again();
        let kernel = self.kernel.renewed();
        BELL.clear();
        State { schedule: self.schedule.successor(), kernel }
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

/// Sees to it that from now on a forked child begins with no alarms, and with ids of its own.
pub(crate) fn survive_forks() -> Result<(), ArmError> {
    static HOOKS: OnceCell<()> = OnceCell::new();
    HOOKS.get_or_try_init(fork::register::<State>).map_err(|e| ArmError::system("pthread_atfork", e))?;
    Ok(())
}

/// Arms an alarm of the calling thread. When it fails, nothing has changed.
pub(crate) fn arm(due: Due, label: Option<Arc<str>>) -> Result<Key, ArmError> {
    survive_forks()?;
    let scope = thread::scope();
    let mut state = STATE.lock();
    let now = clock::now();
    let (limit, deadline) = due.from(now);
    let key = state.schedule.insert(Terms { scope, label, limit, deadline }, now);
    state.schedule.expire(now);
    if state.schedule.any_expired() {
        BELL.set();
    }
    let next = state.schedule.next();
    let programmed = state.kernel.program(next, now).map(|programmed| {
        if !programmed {
            BELL.set();
        }
    });
    // Last, so that a signal that waited behind the mask meets our handler.
    if let Err(e) = programmed.and_then(|()| thread::enter()) {
        put_away(state, key);
        return Err(e);
    }
    Ok(key)
}

/// Takes an alarm of the calling thread away. A key from before a fork names nothing: nothing happens.
pub(crate) fn release(key: Key) {
    let state = STATE.lock();
    if state.schedule.get(key).is_some() {
        let close = thread::leave();
        put_away(state, key);
        if close {
            owner::uncount();
        }
    }
}

fn put_away(mut state: MutexGuard<'_, State>, key: Key) {
    let entry = state.schedule.remove(key);
    if state.schedule.is_empty() {
        state.kernel.disengage();
        // Nobody is left whom it could call, and whoever comes next takes the lock after us. Should it be rung
        // later, the next look stills it.
        BELL.reset();
    }
    drop(state);
    drop(entry); // Outside the lock: it may free the label's memory.
}

/// The answer to a check of one alarm: itself, or the outermost of those that enclose it, has expired.
#[cold]
#[inline(never)]
pub(crate) fn answer(key: Key, location: &'static Location<'static>) -> Result<(), TimedOut> {
    let mut state = STATE.lock();
    let now = state.look();
    verdict(state.schedule.expired_around(key), now, location)
}

/// The answer to a check of every alarm of the calling thread.
#[cold]
#[inline(never)]
pub(crate) fn answer_here(location: &'static Location<'static>) -> Result<(), TimedOut> {
    let scope = thread::scope();
    let mut state = STATE.lock();
    let now = state.look();
    verdict(state.schedule.expired_in(scope), now, location)
}

fn verdict(expired: Option<&Entry>, now: Time, location: &'static Location<'static>) -> Result<(), TimedOut> {
    let Some(entry) = expired else { return Ok(()) };
    let Some(cause) = entry.expired else { return Ok(()) };
    Err(TimedOut::new(Expiry {
        alarm: entry.id,
        label: entry.label.clone(),
        limit: entry.limit,
        elapsed: now.since(entry.since),
        cause,
        location: location.into(),
    }))
}

/// What the schedule says of an alarm, and the time by the clock; `None` for a key from before a fork.
pub(crate) fn inspect<T>(key: Key, ask: impl FnOnce(&Entry, Time) -> T) -> Option<T> {
    let state = STATE.lock();
    let now = clock::now();
    state.schedule.get(key).map(|entry| ask(entry, now))
}

/// Lets an alarm begin again, with the limit and deadline that `renew` makes of the old ones.
pub(crate) fn reschedule(key: Key, renew: impl FnOnce(&Entry, Time) -> Renewal) {
    let mut state = STATE.lock();
    let now = clock::now();
    if let Some(Renewal { since, limit, deadline, expired }) =
        state.schedule.get(key).map(|entry| renew(entry, now))
    {
        state.schedule.reschedule(key, since, limit, deadline);
        if let Some(cause) = expired {
            state.schedule.ring(key, cause);
        }
        state.settle(now);
    }
}

/// How an alarm goes on.
pub(crate) struct Renewal {
    pub(crate) since: Time,
    pub(crate) limit: Option<Duration>,
    pub(crate) deadline: Time,
    pub(crate) expired: Option<Cause>,
}

/// Expires an alarm at once.
pub(crate) fn ring(key: Key) {
    ring_because(key, Cause::Rung);
}

/// Expires an alarm at once, for a reason. A key whose alarm has gone rings nothing.
pub(crate) fn ring_because(key: Key, cause: Cause) {
    let mut state = STATE.lock();
    state.schedule.ring(key, cause);
    state.settle(clock::now());
}

/// A thread that waits in a system call: while this lives, a ring ends the call with EINTR.
pub(crate) struct Waiting(&'static waiters::Waiter);

impl Waiting {
    /// The calling thread is about to wait.
    pub(crate) fn begin() -> Result<Waiting, ArmError> {
        let mut state = STATE.lock();
        thread::enter()?;
        let waiter = waiters::join();
        state.kernel.count_waiting(1);
        state.settle(clock::now());
        Ok(Waiting(waiter))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = STATE.lock();
        state.kernel.count_waiting(-1);
        state.settle(clock::now());
        drop(state);
        waiters::leave(self.0);
        if thread::leave() {
            owner::uncount();
        }
    }
}

/// When the next alarm of the calling thread falls due, or sooner, for whoever is about to wait and cannot check
/// while it does: it waits no longer than this and then asks [`answer_here`]. `None` on a thread without alarms.
pub(crate) fn next_here() -> Option<Time> {
    let scope = thread::scope();
    STATE.lock().schedule.next_in(scope)
}

/// An id for a limit that is kept by other means than an alarm.
pub(crate) fn unused_id() -> AlarmId {
    STATE.lock().schedule.next_id()
}

/// How long until the next deadline of any alarm; `None` if there is none to come.
pub(crate) fn until_next() -> Option<Duration> {
    let next = STATE.lock().schedule.next();
    (!next.is_never()).then(|| clock::until(next))
}

/// Makes an alarm one of the calling thread's; hands back where it stands among them.
pub(crate) fn enter(key: Key) -> Place {
    STATE.lock().schedule.enter(key, thread::scope())
}

/// Takes it from the thread again.
pub(crate) fn leave(place: Place) {
    STATE.lock().schedule.leave(place);
}

/// Leaves the process as it was before the first guard, until [`resume`] has been called as often.
pub(crate) fn suspend() {
    let mut state = STATE.lock();
    let closed = thread::suspend();
    state.kernel.suspend();
    // Nobody rings now: every check comes and reads the clock.
    BELL.set();
    drop(state);
    if closed {
        owner::uncount();
    }
}

pub(crate) fn resume() {
    let mut state = STATE.lock();
    state.kernel.resume();
    if !state.schedule.is_empty() {
        state.settle(clock::now());
    }
    thread::resume();
}
