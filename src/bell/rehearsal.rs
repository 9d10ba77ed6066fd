//! Rehearsals, begun, directed and ended; and what a check comes to while there are any.

use std::panic::Location;
use std::thread;
use std::time::Duration;

use crate::os::fork::MutexGuard;

use super::script::Script;
use super::stage::Answer;
use super::state::{STATE, State, prepare};
use super::{BELL, Due, Plan, thread as own, tickers};
use crate::error::{ArmError, TimedOut};
use crate::os::clock;
use crate::schedule::{Key, Scope, StageId};
use crate::time::Time;

/// Begins a rehearsal on the calling thread: an alarm that expires when it is `due` by the stage's clock, or at the check
/// of that number. Within another rehearsal of the thread it stands on the same stage.
pub(crate) fn begin(due: Due, stop_at: Option<u64>) -> Result<Key, ArmError> {
    prepare()?;
    let scope = own::scope();
    let mut state = STATE.lock();
    let State { stages, schedule, .. } = &mut *state;
    let mut id = own::stage();
    if stages.get(id).is_none() {
        id = stages.put_up(scope, clock::now());
        own::set_stage(id);
    }
    let stage = stages.get(id).expect("it stands");
    let key = stage.arm(Plan::new(due), scope, schedule);
    stage.scripts.push(Script::new(key, stop_at));
    // Under the lock, under which alone it is stilled: from here on this thread finds it rung.
    BELL.set();
    Ok(key)
}

/// Arms an alarm on the stage on which the calling thread stands; `None` if it stands on none.
#[cold]
#[inline(never)]
pub(super) fn arm(state: &mut State, scope: Scope, plan: Plan<'_>) -> Option<Key> {
    let (stage, life) = state.rehearsed(own::stage())?;
    Some(stage.arm(plan, scope, life))
}

/// Ends it; the last one of a thread takes the stage down, with the alarms that are left there.
pub(crate) fn end(key: Key) {
    let mut state = STATE.lock();
    let Some(stage) = state.stages.get(key.stage()) else { return };
    stage.scripts.retain(|script| script.key != key);
    let entry = stage.schedule.remove(key);
    let over = stage.scripts.is_empty().then(|| state.stages.take_down(key.stage()));
    if over.is_some() {
        own::set_stage(StageId::NONE);
        // With alarms about, the next look stills it.
        if state.stages.is_empty() && state.schedule.is_empty() {
            BELL.reset();
        }
    }
    drop(state);
    drop((entry, over)); // Outside the lock: it frees memory.
}

/// Looks at a rehearsal's script, or changes it; `None` when it is over, and in a forked child.
pub(crate) fn direct<T>(key: Key, act: impl FnOnce(&mut Script) -> T) -> Option<T> {
    let mut state = STATE.lock();
    let stage = state.stages.get(key.stage())?;
    stage.scripts.iter_mut().find(|script| script.key == key).map(act)
}

/// Whether the calling thread rehearses.
pub(crate) fn is_on() -> bool {
    own::stage().is_some()
}

/// Moves the clock of the calling thread's stage; says whether it stands on one.
pub(crate) fn advance(time: Duration) -> bool {
    let mut state = STATE.lock();
    let Some(stage) = state.stages.get(own::stage()) else { return false };
    stage.advance(time);
    tickers::call_all();
    true
}

/// What the clock of a rehearsal shows.
pub(crate) fn now(key: Key) -> Option<Time> {
    STATE.lock().stages.get(key.stage()).map(|stage| stage.now)
}

/// Sleeps on a stage, which moves its clock to the end of the sleep, or to the deadline that ends it. `None` if neither
/// the thread nor the alarm is on one: then it must be done in earnest.
///
/// Two checks, one before and one on waking, however long it is.
pub(crate) fn sleep(
    key: Key,
    time: Duration,
    location: &'static Location<'static>,
) -> Option<Result<(), TimedOut>> {
    let id = if is_on() { own::stage() } else { key.stage() };
    STATE.lock().stages.get(id)?;
    if let Err(e) = super::answer(key, location) {
        return Some(Err(e));
    }
    let mut ends = true;
    if let Some(stage) = STATE.lock().stages.get(id) {
        let end = stage.now.after(time);
        while stage.now < end && stage.verdict(Some(key), stage.scope, location).is_none() {
            let next = end.min(stage.schedule.next());
            if next.is_never() {
                ends = false;
                break;
            }
            stage.advance(next.since(stage.now));
        }
        tickers::call_all();
    }
    // The check that it wakes with may be the one that is stopped.
    let answer = super::answer(key, location);
    if answer.is_ok() && !ends && !thread::panicking() {
        panic!("nothing ends this sleep at {location}: no deadline is to come in this rehearsal");
    }
    Some(answer)
}

/// A check, if the calling thread rehearses: for whoever waits for others, in real time, and would otherwise look at its
/// alarms now and then.
pub(crate) fn checkpoint(location: &'static Location<'static>) -> Result<(), TimedOut> {
    if is_on() { super::answer_here(location) } else { Ok(()) }
}

/// The answer to a check while somebody rehearses: of the alarm of `key`, or of every one of the calling thread.
#[cold]
#[inline(never)]
pub(super) fn answer(
    mut state: MutexGuard<'_, State>,
    key: Option<Key>,
    location: &'static Location<'static>,
) -> Result<(), TimedOut> {
    let scope = own::scope();
    let on = own::stage();
    // Real life first: what a thread had armed before it began to rehearse encloses the rehearsal. A thread that has
    // nothing there leaves it alone, and the kernel with it.
    let real = match key {
        Some(key) if !key.stage().is_some() => state.ask_around(key, location),
        Some(key) => match state.stages.get(key.stage()).map(|stage| stage.scope) {
            Some(home) if state.schedule.has_any_in(home) => state.ask_in(home, location),
            _ => Ok(()),
        },
        None if !on.is_some() || state.schedule.has_any_in(scope) => state.ask_in(scope, location),
        None => Ok(()),
    };
    let mut answer = Answer::Fine;
    for stage in state.stages.asked_by(on, key, scope) {
        match (&answer, stage.check(key, scope, location, real.as_ref().err())) {
            (Answer::Fine, next) | (_, next @ Answer::Runaway(..)) => answer = next,
            _ => {}
        }
    }
    drop(state);
    real?;
    match answer {
        Answer::Fine => Ok(()),
        // In the midst of a panic another would end the process.
        Answer::Runaway(_, complaint) if !thread::panicking() => panic!("{complaint}"),
        Answer::Expired(timed_out) | Answer::Runaway(timed_out, _) => Err(timed_out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bell::is_rung;

    /// No other test of this binary arms anything, so the bell is this one's.
    #[test]
    fn the_bell_is_rung_for_the_length_of_it() {
        assert!(!is_rung());
        let outer = begin(Due::Never, None).expect("memory");
        let inner = begin(Due::After(Duration::ZERO), None).expect("memory");
        assert!(is_rung() && is_on());
        // Others who answer leave it so.
        thread::scope(|scope| {
            scope.spawn(|| assert!(crate::checkpoint().is_ok()));
        });
        assert!(is_rung());
        end(outer);
        assert!(is_rung() && is_on(), "one of the two goes on");
        end(inner);
        assert!(!is_rung() && !is_on());
        assert!(STATE.lock().stages.is_empty());
    }
}
