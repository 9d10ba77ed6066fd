//! What the threads do.

use std::sync::Arc;
use std::time::Duration;

use super::explore;
use crate::bell::{self, Waiting};
use crate::os::disposition::Disposition;
use crate::os::machine::{self, From, calm, machine, pause, spawn};
use crate::os::setting::Setting;
use crate::os::{clock, memory};
use crate::{Alarm, TimedOut};

const US: Duration = Duration::from_micros(1);
const MS: Duration = Duration::from_millis(1);

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Checks until the alarm has expired, and sees that it is not early and not lost.
fn until_expired(alarm: &Alarm) -> TimedOut {
    let mut lost = 0;
    loop {
        if let Err(e) = alarm.check() {
            assert!(e.limit().is_none_or(|limit| e.elapsed() >= limit), "early");
            return e;
        }
        let overdue = alarm.remaining().is_some_and(|left| left.is_zero());
        // Nobody rings, nobody has rung, and nobody will. (Somebody may just be about to, for a moment.)
        lost = if overdue && !bell::is_rung() && memory::is_empty() && machine().is_silent() { lost + 1 } else { 0 };
        assert!(lost < 100, "the alarm is lost");
        pause();
    }
}

/// Afterwards all is as it was before.
fn restored(found: Disposition, timer: Setting) {
    calm();
    assert_eq!(machine().action(), found, "the disposition");
    assert_eq!(machine().timer(), timer, "the timer");
    let me = machine::me();
    assert!(!machine().blocks(me), "the mask");
}

#[test]
fn ring_against_stilling() {
    explore("ring_against_stilling", || {
        let threads = [3, 9].map(|n| {
            spawn(move || {
                let alarm = after(US * (20 + n));
                until_expired(&alarm);
            })
        });
        let alarm = after(US * 25);
        until_expired(&alarm);
        drop(alarm);
        threads.map(machine::Thread::join);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// Scopes of microseconds, one after the other and at once, left before, at and after their end.
#[test]
fn scopes_do_not_disturb_each_other() {
    explore("scopes_do_not_disturb_each_other", || {
        fn scopes(n: u32) {
            for turn in 0..2 {
                let outer = after(US * (5 + 7 * ((n + turn) % 3)));
                let inner = after(US * ((n * 2 + turn) % 4) * 3);
                if turn == 0 {
                    until_expired(&inner);
                } else {
                    let _ = inner.check();
                }
                drop(outer);
            }
        }
        let threads = [1, 2].map(|n| spawn(move || scopes(n)));
        scopes(0);
        threads.map(machine::Thread::join);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// A thread ends with a ring on its way, and the next guard is armed by the only one that is left.
#[test]
fn rings_on_their_way_when_a_thread_ends() {
    explore("rings_on_their_way_when_a_thread_ends", || {
        for n in 0..2 {
            let thread = spawn(move || {
                let alarm = after(US * 3);
                for _ in 0..n {
                    pause();
                }
                let _ = alarm.check();
            });
            thread.join();
            drop(after(US * 1_000));
        }
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}
