//! Alarms and tickers of the calling thread come and go.

use std::time::Duration;

use super::plan::{CpuOf, Plan, Wishes};
use super::state::{STATE, State, prepare};
use super::{BELL, Place, owner, rouse, signals, thread, tickers};
use crate::error::ArmError;
use crate::os::clock;
use crate::os::flag::Flag;
use crate::os::fork::MutexGuard;
use crate::schedule::{Cpu, Key, More, Removed, Terms};
use crate::time::Time;

/// Arms an alarm of the calling thread. When it fails, nothing has changed.
#[inline(always)] // Each caller knows what its plan has not.
pub(crate) fn arm(plan: Plan<'_>) -> Result<Key, ArmError> {
    prepare()?;
    let scope = thread::scope();
    let mut state = STATE.lock();
    let more = plan.wishes.map(|wishes| state.begin(wishes)).transpose()?;
    let now = clock::now();
    let (limit, deadline) = plan.due.from(now);
    let stands_by = plan.stands_by(deadline);
    let terms = Terms { scope, label: plan.label.cloned(), limit, deadline, stands_by, more };
    let key = state.schedule.insert(terms, now);
    if stands_by {
        state.standing_by += 1;
        if state.schedule.any_counting() {
            BELL.set();
        }
        return Ok(key);
    }
    // The common case, that of a limit inside of another: nothing is to be told to anybody.
    if plan.wishes.is_none() && state.is_in_step(now) && thread::enter_again() {
        drop(state);
        return Ok(key);
    }
    if let Some(wishes) = plan.wishes {
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
    let now = clock::now();
    let more = Some(Box::new(More { period: Some(period), ..More::default() }));
    let terms =
        Terms { scope, label: None, limit: None, deadline: now.after(period), stands_by: false, more };
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

impl State {
    /// What the schedule must know of an alarm's wishes. Its signals are handled from now on.
    fn begin(&mut self, wishes: &Wishes) -> Result<Box<More>, ArmError> {
        let cpu = wishes.cpu.map(start_of).transpose()?;
        self.signals.engage(wishes.signals)?;
        Ok(Box::new(More { cpu, budget: wishes.budget.clone(), signals: wishes.signals, ..More::default() }))
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

#[cold]
fn take_back(mut state: MutexGuard<'_, State>, key: Key) {
    if let Some(removed) = state.schedule.remove(key) {
        put_away(state, key, removed);
    }
}

/// Takes an alarm of the calling thread away. A key from before a fork names nothing: nothing happens, and the answer
/// is `false`.
pub(crate) fn release(key: Key) -> bool {
    let mut state = STATE.lock();
    let Some(removed) = state.schedule.remove(key) else { return false };
    if removed.stood_by {
        state.standing_by -= 1;
        put_away(state, key, removed);
        return true;
    }
    // Again the common case: this thread has other alarms, or waits, and then nothing else changes.
    if removed.is_plain() && thread::leave_others() {
        drop(state);
        return true;
    }
    let close = thread::leave();
    put_away(state, key, removed);
    if close {
        owner::closed();
    }
    true
}

/// Has everything forget an alarm that has left the schedule.
fn put_away(mut state: MutexGuard<'_, State>, key: Key, removed: Removed) {
    if !removed.is_plain() {
        state.last_resorts.remove(key);
        state.audits.remove(key);
        let signals = removed.signals();
        if signals != 0 {
            signals::publish(state.schedule.listening());
            state.signals.disengage(signals);
        }
    }
    if state.is_idle() {
        state.kernel.disengage();
        // Nobody is left whom it could call, and whoever comes next takes the lock after us. Should it be rung
        // later, the next look stills it.
        if state.schedule.is_empty() {
            BELL.reset();
        }
    }
    drop(state);
    drop(removed); // Outside the lock: it may free the label's memory.
}
