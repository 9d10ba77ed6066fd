//! Arms and drops alarms and tickers of the calling thread.

use std::io;
use std::panic::Location;
use std::time::Duration;

use super::fork::prepare;
use super::plan::{CpuOf, Due, Plan, Wishes};
use super::registry::Registered;
use super::shared::SHARED;
use super::state::{STATE, State};
use super::thread_state::Thread;
use super::timer::Kind;
use super::{ring_signals, thread_state, tickers};
use crate::error::ArmError;
use crate::os::atomic::Ordering;
use crate::os::clock;
use crate::os::flag::Flag;
use crate::os::fork::MutexGuard;
use crate::schedule::{Cpu, Key, More, Removed, Scope, Terms};
use crate::time::Time;

/// If this returns an error, no alarm was added.
#[inline(always)] // Once inlined, the compiler omits the code for settings that a caller's plan lacks.
pub(crate) fn arm(plan: Plan<'_>) -> Result<Key, ArmError> {
    prepare()?;
    let scope = thread_state::scope_registered();
    let mut state = STATE.lock();
    let more = plan.wishes.map(|wishes| state.begin(wishes)).transpose()?;
    let now = clock::now();
    let (limit, deadline) = plan.due.from(now);
    let terms = Terms { scope, label: plan.label.cloned(), limit, deadline, location: plan.location, more };
    let needs_signal = terms.needs_signal();
    let key = state.schedule.insert(terms, now);
    // The common case: the thread's timer expires before the new deadline, so it needs no change.
    if plan.wishes.is_none()
        && needs_signal
        && !state.actions.has_watchdogs()
        && state.threads.of(scope).is_some_and(|thread| thread.add_covered(deadline, now))
    {
        return Ok(key);
    }
    finish_arming(state, key, needs_signal, plan.wishes, now)
}

pub(crate) fn arm_ticker(period: Duration) -> Result<(Key, &'static Registered<Flag>), ArmError> {
    let wishes = Wishes { period: Some(period), ..Wishes::default() };
    let flag = tickers::take();
    match arm(Plan { wishes: Some(&wishes), ..Plan::new(Due::After(period), Location::caller()) }) {
        Ok(key) => Ok((key, flag)),
        Err(e) => {
            tickers::give_back(flag);
            Err(e)
        }
    }
}

pub(crate) fn release_ticker(key: Key, flag: &Registered<Flag>) {
    // In a forked child, `release` returns `false`, and the flag may belong to a ticker of the child.
    if release(key) {
        tickers::give_back(flag);
    }
}

fn finish_arming(
    mut state: MutexGuard<'_, State>,
    key: Key,
    needs_signal: bool,
    wishes: Option<&Wishes>,
    now: Time,
) -> Result<Key, ArmError> {
    SHARED.any_alarm.store(true, Ordering::SeqCst);
    let scope = thread_state::scope();
    let added = if needs_signal { state.add_user(scope) } else { Ok(()) };
    if let Err(e) = added {
        state.take_out(key, false);
        return Err(e);
    }
    if let Err(e) = wishes.map_or(Ok(()), |wishes| state.watch(key, wishes, now)) {
        state.take_out(key, needs_signal);
        return Err(e);
    }
    state.settle(scope, now);
    state.describe(scope);
    Ok(key)
}

/// Drops an alarm of the calling thread. Returns `false` for a key that a forked child has from its parent.
pub(crate) fn release(key: Key) -> bool {
    let mut state = STATE.lock();
    let Some(removed) = state.schedule.remove(key) else { return false };
    let is_nested = removed.more.is_none()
        && removed.needs_signal
        && !state.actions.has_watchdogs()
        && state.threads.of(removed.scope).is_some_and(Thread::drop_user_of_many);
    if !is_nested {
        state.put_away(key, &removed, removed.needs_signal);
    }
    drop(state);
    drop(removed); // After the lock's release, because the drop may free memory.
    true
}

impl State {
    fn begin(&mut self, wishes: &Wishes) -> Result<Box<More>, ArmError> {
        let cpu = wishes.cpu.map(start_of).transpose()?;
        self.signals.engage(wishes.signals)?;
        Ok(Box::new(More {
            cpu,
            budget: wishes.budget.clone(),
            signals: wishes.signals,
            period: wishes.period,
            is_watched: wishes.audit.is_some() || wishes.watchdog.is_some() || wishes.flag.is_some(),
            flag: wishes.flag.clone(),
            ..More::NONE
        }))
    }

    fn watch(&mut self, key: Key, wishes: &Wishes, now: Time) -> Result<(), ArmError> {
        let scope = thread_state::scope();
        if wishes.flag.is_some() || wishes.watchdog.is_some() {
            self.find_blocked_again();
            let State { threads, timers, schedule, actions, audits, .. } = self;
            if let Some((entry, thread)) = schedule.get(key).zip(threads.of(scope)) {
                if entry.limit.is_some() {
                    timers.need_private(thread)?;
                    if thread.kind == Kind::Clock {
                        return Err(ArmError::no_timer());
                    }
                }
                actions.add(key, schedule, thread.record, wishes.watchdog, audits.last_check(scope));
            }
        }
        if let Some(threshold) = wishes.audit {
            self.audits.add(key, scope, threshold, now);
        }
        Ok(())
    }

    #[inline(never)]
    fn put_away(&mut self, key: Key, removed: &Removed, had_user: bool) {
        if let Some(more) = &removed.more {
            self.actions.remove(key.id());
            self.audits.remove(key);
            if more.signals != 0 {
                ring_signals::publish(self.schedule.listening());
                self.signals.disengage(more.signals);
            }
        }
        self.describe(removed.scope);
        if had_user {
            self.drop_user(removed.scope);
        }
        // The destructor of a pthread key may run after the library's own, which has ended the thread.
        if removed.scope != thread_state::scope() {
            self.end_thread(removed.scope);
        }
        if self.schedule.is_empty() {
            SHARED.any_alarm.store(false, Ordering::SeqCst);
            SHARED.flag.reset();
        }
    }

    #[cold]
    fn take_out(&mut self, key: Key, had_user: bool) {
        if let Some(removed) = self.schedule.remove(key) {
            self.put_away(key, &removed, had_user);
        }
    }

    /// Counts one more user of the calling thread's timer: an alarm or a wait. The thread's first user unblocks SIGALRM, and the
    /// process's first user installs the handler.
    pub(super) fn add_user(&mut self, scope: Scope) -> Result<(), ArmError> {
        let Some(thread) = self.threads.of(scope) else { return Ok(()) };
        thread.users += 1;
        if thread.users > 1 {
            return Ok(());
        }
        self.active += 1;
        if self.timers.suspended > 0 {
            return Ok(());
        }
        self.begin_thread(scope).inspect_err(|_| {
            if let Some(thread) = self.threads.of(scope) {
                thread.users = 0;
            }
            self.active -= 1;
            if self.active == 0 {
                self.installation.remove();
            }
        })
    }

    pub(super) fn begin_thread(&mut self, scope: Scope) -> Result<(), ArmError> {
        self.installation.install()?;
        if let Some(thread) = self.threads.of(scope) {
            thread.unblock_alarm()?;
            self.timers.choose(thread);
        }
        Ok(())
    }

    /// Undoes [`add_user`](State::add_user). For the thread's last user, it disarms the timer before it restores the mask, so
    /// that the handler receives a signal that is already pending. For the process's last user, it then restores the previous
    /// disposition.
    pub(super) fn drop_user(&mut self, scope: Scope) {
        let Some(thread) = self.threads.of(scope) else { return };
        if thread.drop_user_of_many() {
            return;
        }
        let timer = (thread.kind, thread.due);
        self.timers.disarm(thread);
        if self.timers.suspended == 0 && thread.may_be_pending(timer) {
            thread.take_pending();
        }
        self.timers.release(thread);
        self.active -= 1;
        thread.users = 0;
        thread.block_alarm_again();
        // If the kernel refused to disarm the interval timer, the handler stays installed. Otherwise the timer's signal could
        // take the default action.
        if self.active == 0 && self.timers.suspended == 0 && self.timers.is_interval_cleared() {
            self.installation.remove();
        }
    }
}

fn start_of((of, limit): (CpuOf, Duration)) -> Result<Cpu, ArmError> {
    let failed = |e| ArmError::system("clock_gettime", e);
    let clock = match of {
        CpuOf::Process => clock::PROCESS_CPU,
        CpuOf::Thread => clock::thread_cpu().map_err(failed)?,
    };
    match clock::cpu_now(clock) {
        Some(since) => Ok(Cpu { clock, limit, since, probe: Time::NEVER }),
        None => Err(failed(io::Error::last_os_error())),
    }
}
