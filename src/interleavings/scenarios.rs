//! Scenarios, and the properties that must hold.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::libc::SIGINT;

use super::explore;
use crate::os::clock;
use crate::os::disposition::{Disposition, Function};
use crate::os::machine::{self, FOREIGN, Source, Thread, choose, machine, pause, spawn, wait_for_handlers};
use crate::os::memory;
use crate::os::setting::Setting;
use crate::{Alarm, Cause, TimedOut, checkpoint, runtime};

const US: Duration = Duration::from_micros(1);

fn join(threads: impl IntoIterator<Item = Thread>) {
    threads.into_iter().for_each(Thread::join);
}

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Returns an alarm that needs the handler, but no timer.
fn without_deadline() -> Alarm {
    Alarm::builder().abort_after(US).arm().expect("arming")
}

/// Asserts that the expiry is not early, not lost, and permanent.
fn until_expired(alarm: &Alarm) -> TimedOut {
    let timed_out = until_error(|| alarm.check(), || alarm.remaining());
    let apart = Duration::from_nanos(machine().skew);
    assert!(timed_out.limit().is_none_or(|limit| timed_out.elapsed() + apart >= limit), "early");
    for _ in 0..2 {
        pause();
        assert!(alarm.check().is_err(), "the alarm was expired");
    }
    timed_out
}

fn until_error(
    check: impl Fn() -> Result<(), TimedOut>,
    remaining: impl Fn() -> Option<Duration>,
) -> TimedOut {
    let mut lost = 0;
    loop {
        if let Err(e) = check() {
            return e;
        }
        let is_overdue = remaining().is_some_and(|left| left.is_zero());
        // No signal or buffered store will set the flag. A running thread may, so this must hold 100 times.
        let is_idle = !runtime::is_flag_set() && memory::is_empty() && machine().is_idle();
        lost = if is_overdue && is_idle { lost + 1 } else { 0 };
        assert!(lost < 100, "the alarm is lost");
        pause();
    }
}

/// Drops alarms before, at and after their deadlines.
fn arm_and_drop(times: u32, longest: u32) {
    for _ in 0..times {
        let alarm = after(US * choose(longest));
        if choose(2) == 0 {
            until_expired(&alarm);
        }
    }
}

/// The other thread only handles signals.
fn beside_idle_thread(f: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let thread = spawn(|| {
        while !is_over.load(Ordering::Relaxed) {
            pause();
        }
    });
    f();
    is_over.store(true, Ordering::Relaxed);
    thread.join();
}

fn assert_restored(found: Disposition) {
    wait_for_handlers();
    let mut machine = machine();
    assert_eq!(machine.action, found, "the disposition");
    assert_eq!(machine.read_interval(), Setting::DISARMED, "the interval timer");
    assert!(!machine.is_blocked(machine::me()), "the mask");
    machine.assert_no_timer_left();
}

/// The default action would end the process.
fn install_random_disposition() -> Disposition {
    let disposition = [Disposition::DEFAULT, Disposition::PROGRAM][choose(2) as usize];
    machine().set_action(disposition);
    disposition
}

fn program_signals() -> Vec<Source> {
    machine().program_signals.clone()
}

fn set_foreign_timer(remaining: Duration) {
    machine().set_interval(Setting { remaining, interval: Duration::ZERO });
}

fn until_foreign_timer_has_expired() {
    while machine().is_interval_set() {
        pause();
    }
    wait_for_handlers();
}

macro_rules! scenarios {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)*) => {
        $($(#[$doc])* #[test] fn $name() { explore(stringify!($name), || $body); })*
    };
}

mod blocking;
mod expiries;
mod foreign_signals;
