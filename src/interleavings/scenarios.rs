use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use nix::libc::SIGINT;

use super::explore;
use crate::os::clock;
use crate::os::disposition::{Disposition, Function};
use crate::os::machine::{
    self, FOREIGN, Machine, Source, chance, choose, machine, pause, pick, spawn, wait_for_handlers,
};
use crate::os::memory;
use crate::os::setting::Setting;
use crate::{Alarm, Cause, TimedOut, checkpoint, runtime};

const US: Duration = Duration::from_micros(1);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Arms an alarm that needs the handler but no timer.
fn without_deadline() -> Alarm {
    Alarm::builder().abort_after(US).arm().expect("arming")
}

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
        // When idle, no signal or buffered store will set the flag. Another thread still may, so this must hold 100 times in a
        // row.
        let is_idle = !runtime::is_flag_set() && memory::is_empty() && machine().is_idle();
        lost = if is_overdue && is_idle { lost + 1 } else { 0 };
        assert!(lost < 100, "the alarm is lost");
        pause();
    }
}

fn check_and_recheck(alarm: &Alarm) {
    while alarm.check().is_ok() && !machine().is_idle() {
        runtime::recheck();
        pause();
    }
}

fn arm_and_drop(times: u32, longest: u32) {
    for _ in 0..times {
        let alarm = after(US * choose(longest));
        if chance(2) {
            until_expired(&alarm);
        }
    }
}

fn pause_until(is_over: impl Fn() -> bool) {
    while !is_over() {
        pause();
    }
}

fn pause_up_to(times: u32) {
    (0..choose(times)).for_each(|_| pause());
}

fn beside_idle_thread(f: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let _thread = spawn(|| {
        machine::change_mask(false);
        pause_until(|| is_over.load(Ordering::Relaxed));
    });
    f();
    is_over.store(true, Ordering::Relaxed);
}

fn install(disposition: Disposition) {
    machine().found = Some(disposition);
    machine().set_action(disposition);
}

fn install_any() {
    install(pick([Disposition::DEFAULT, Disposition::PROGRAM]));
}

fn assert_restored() {
    assert_eq!(program_signals(), [], "unexpected signals");
    let mut machine = machine();
    machine.assert_no_timer_left();
    if let Some(found) = machine.found {
        assert_eq!(machine.action, found, "the disposition");
        assert_eq!(machine.read_interval(), Setting::DISARMED, "the interval timer");
        assert!(!machine.task(machine::me()).blocked, "the mask");
    }
}

fn program_signals() -> Vec<Source> {
    wait_for_handlers();
    std::mem::take(&mut machine().program_signals)
}

fn assert_delivered_once(source: Source, may_be_dropped: impl FnOnce(&Machine) -> bool) {
    let got = program_signals();
    assert!(got == [source] || (got.is_empty() && may_be_dropped(&machine())), "{got:?}");
}

fn set_foreign_timer(remaining: Duration) {
    machine().set_interval(Setting::rounded(remaining, Duration::ZERO), false);
}

macro_rules! scenarios {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)*) => {
        $($(#[$doc])* #[test] fn $name() {
            explore(stringify!($name), || {
                $body
                assert_restored();
            });
        })*
    };
}

mod blocking;
mod expiries;
mod foreign_signals;
