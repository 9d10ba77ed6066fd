//! What the threads do.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::explore;
use crate::bell;
use crate::os::disposition::Disposition;
use crate::os::machine::{self, From, Thread, calm, choose, machine, pause, spawn};
use crate::os::memory;
use crate::os::setting::Setting;
use crate::{Alarm, Cause, TimedOut};

const US: Duration = Duration::from_micros(1);

fn join(threads: impl IntoIterator<Item = Thread>) {
    threads.into_iter().for_each(Thread::join);
}

fn after(limit: Duration) -> Alarm {
    Alarm::after(limit).expect("arming")
}

/// Arms an alarm that has no deadline; a watchdog needs the handler all the same.
fn without_timer() -> Alarm {
    Alarm::builder().abort_after(US).arm().expect("arming")
}

/// Checks until the alarm has expired; it is not early, not lost, and stays expired.
fn until_expired(alarm: &Alarm) -> TimedOut {
    let timed_out = until_told(alarm);
    let apart = Duration::from_nanos(machine().skew);
    assert!(timed_out.limit().is_none_or(|limit| timed_out.elapsed() + apart >= limit), "early");
    for _ in 0..2 {
        pause();
        assert!(alarm.check().is_err(), "it was expired a moment ago");
    }
    timed_out
}

fn until_told(alarm: &Alarm) -> TimedOut {
    let mut lost = 0;
    loop {
        if let Err(e) = alarm.check() {
            return e;
        }
        let overdue = alarm.remaining().is_some_and(|left| left.is_zero());
        // Nobody rings, nobody has rung, and nobody will. (Somebody may just be about to, for a moment.)
        let silent = !bell::is_rung() && memory::is_empty() && machine().is_silent();
        lost = if overdue && silent { lost + 1 } else { 0 };
        assert!(lost < 100, "the alarm is lost");
        pause();
    }
}

/// Afterwards all is as it was before.
fn restored(found: Disposition, timer: Setting) {
    calm();
    let (action, held, blocks) = {
        let mut machine = machine();
        (machine.action(), machine.timer(), machine.blocks(machine::me()))
    };
    assert_eq!(action, found, "the disposition");
    assert_eq!(held, timer, "the timer");
    assert!(!blocks, "the mask");
}

fn owner_got() -> Vec<From> {
    machine().owner_got.clone()
}

/// Alarms that fall due one after the other, each answered by several: the ring for one comes while the bell is stilled
/// for another, or for nothing.
#[test]
fn ring_against_stilling() {
    explore("ring_against_stilling", || {
        let threads = [40 + choose(40), 10].map(|limit| {
            spawn(move || {
                let alarm = after(US * limit);
                until_expired(&alarm);
            })
        });
        let alarm = after(US * 25);
        until_expired(&alarm);
        alarm.restart();
        bell::ask_again();
        until_expired(&alarm);
        drop(alarm);
        join(threads);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// One thread looks again and again, for nothing; the ring comes to another one that does nothing else.
#[test]
fn ring_against_a_look_for_nothing() {
    explore("ring_against_a_look_for_nothing", || {
        let over = AtomicBool::new(false);
        let thread = spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pause();
            }
        });
        let alarm = after(US * (25 + choose(30)));
        while machine().timer() != Setting::DISARMED {
            bell::ask_again();
            let _ = alarm.check();
            pause();
        }
        until_expired(&alarm);
        over.store(true, Ordering::Relaxed);
        drop(alarm);
        thread.join();
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// Scopes of microseconds, one after the other and at once, left before, at and after their end.
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

fn scopes_on_threads() {
    let threads = [1, 2].map(|n| spawn(move || scopes(n)));
    scopes(0);
    join(threads);
    restored(Disposition::DEFAULT, Setting::DISARMED);
}

#[test]
fn scopes_do_not_disturb_each_other() {
    explore("scopes_do_not_disturb_each_other", scopes_on_threads);
}

/// A thread that is moved to another processor may see a clock that is behind, by less than a microsecond on a machine
/// that is in good order.
#[test]
fn scopes_under_clocks_that_are_apart() {
    explore("scopes_under_clocks_that_are_apart", || {
        machine().skew = 900;
        scopes_on_threads();
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

/// As `blocking` has it: a call that waits until a signal comes, made again as long as the alarm has not expired.
fn wait_in(alarm: &Alarm) {
    let e = alarm.blocking(|| -> io::Result<()> {
        machine::wait_for_a_signal();
        Err(io::ErrorKind::Interrupted.into())
    });
    assert_eq!(e.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

/// Threads wait, are woken, leave and end, while others handle the rings; then the guard goes.
#[test]
fn waiting_threads_come_and_go() {
    explore("waiting_threads_come_and_go", || {
        let alarm = after(US * (1 + choose(30)));
        let threads = [spawn(|| wait_in(&alarm)), spawn(|| wait_in(&alarm))];
        if choose(2) == 0 {
            until_expired(&alarm);
        }
        join(threads);
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// A thread waits for its own alarm and leaves, while others arm and drop theirs: the last guard of all may be any.
#[test]
fn a_waiting_thread_among_scopes() {
    explore("a_waiting_thread_among_scopes", || {
        let thread = spawn(|| {
            let alarm = after(US * (1 + choose(20)));
            wait_in(&alarm);
        });
        for _ in 0..2 {
            let alarm = after(US * choose(20));
            if choose(2) == 0 {
                until_expired(&alarm);
            }
        }
        thread.join();
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// The process is left as it was found for a moment, while a thread waits that others wake.
#[test]
fn a_thread_waits_while_we_are_away() {
    explore("a_thread_waits_while_we_are_away", || {
        let alarm = after(US * (1 + choose(30)));
        let threads = [spawn(|| wait_in(&alarm)), spawn(|| wait_in(&alarm))];
        for _ in 0..choose(40) {
            pause();
        }
        crate::suspended(pause);
        until_told(&alarm);
        join(threads);
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// Rings come again and again to threads that pass them on to the one that waits, and none of them may be on its way to it
/// when the disposition is the program's again.
#[test]
fn rings_are_passed_on_while_we_go_away() {
    explore("rings_are_passed_on_while_we_go_away", || {
        let alarm = without_timer();
        let over = AtomicBool::new(false);
        let threads = [
            spawn(|| wait_in(&alarm)),
            spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    pause();
                }
            }),
        ];
        for _ in 0..3 {
            let inner = after(US * choose(10));
            for _ in 0..choose(20) {
                pause();
            }
            crate::suspended(pause);
            drop(inner);
        }
        alarm.ring();
        over.store(true, Ordering::Relaxed);
        join(threads);
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// What a thread calls while it waits may shut SIGALRM out behind our back.
#[test]
fn a_waiting_thread_that_shuts_it_out() {
    explore("a_waiting_thread_that_shuts_it_out", || {
        let alarm = after(US * (1 + choose(20)));
        let thread = spawn(|| {
            let _ = alarm.blocking(|| {
                machine::change_mask(true);
                Ok(())
            });
        });
        until_expired(&alarm);
        thread.join();
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// A timer was running. It rings once for its owner: passed on by one of several handlers, or given back and rung by
/// the kernel.
#[test]
fn a_foreign_timer_rings_once() {
    explore("a_foreign_timer_rings_once", || {
        machine().act(Some(Disposition::OWNERS));
        machine().set_timer(Setting { remaining: US * (10 + choose(30)), interval: Duration::ZERO });
        let alarm = after(US * (1 + choose(40)));
        let threads = [0, 1].map(|_| {
            spawn(|| {
                let alarm = after(US * choose(40));
                until_expired(&alarm);
            })
        });
        if choose(2) == 0 {
            until_expired(&alarm);
        }
        join(threads);
        drop(alarm);
        while machine().timer() != Setting::DISARMED {
            pause();
        }
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        // One that had to be sent again may be told by a ring that another thread has under way, and then by itself.
        let timers = got.iter().filter(|from| **from == From::Timer).count();
        assert!(!got.is_empty() && timers <= 1 && got.len() <= 2, "{got:?}");
    });
}

/// It does so whatever scopes come and go meanwhile, of one thread; and each of them takes it over anew.
#[test]
fn a_foreign_timer_under_many_scopes() {
    explore("a_foreign_timer_under_many_scopes", || {
        machine().act(Some(Disposition::OWNERS));
        machine().set_timer(Setting { remaining: US * (1 + choose(40)), interval: Duration::ZERO });
        for _ in 0..4 {
            let alarm = after(US * choose(20));
            if choose(2) == 0 {
                until_expired(&alarm);
            }
        }
        while machine().timer() != Setting::DISARMED {
            pause();
        }
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        assert_eq!(got.len(), 1, "{got:?}");
    });
}

/// The program switches it off, between two guards: it does not ring any more, also if a guard comes in the microsecond in
/// which it would have.
#[test]
fn a_foreign_timer_that_is_switched_off() {
    explore("a_foreign_timer_that_is_switched_off", || {
        machine().act(Some(Disposition::OWNERS));
        machine().set_timer(Setting { remaining: US * (1 + choose(40)), interval: Duration::ZERO });
        drop(after(US * 5_000));
        if choose(2) == 0 {
            drop(after(US * 5_000));
        }
        machine().set_timer(Setting::DISARMED);
        pause();
        let got = owner_got().len();
        for _ in 0..3 {
            drop(after(US * choose(20)));
        }
        pause();
        restored(Disposition::OWNERS, Setting::DISARMED);
        assert_eq!(owner_got().len(), got, "{:?}", owner_got());
    });
}

/// It rings while it is taken over, or soon after, and our own moment is far off: its owner need not wait for the drop.
#[test]
fn a_foreign_timer_under_a_long_limit() {
    explore("a_foreign_timer_under_a_long_limit", || {
        machine().act(Some(Disposition::OWNERS));
        machine().set_timer(Setting { remaining: US * (1 + choose(6)), interval: Duration::ZERO });
        let alarm = after(US * 1_500);
        until_expired(&alarm);
        assert_eq!(owner_got().len(), 1, "{:?}", owner_got());
        drop(alarm);
        restored(Disposition::OWNERS, Setting::DISARMED);
        assert_eq!(owner_got().len(), 1, "{:?}", owner_got());
    });
}

/// Somebody sets a timer over ours, to ring sooner, after a thread that may have stood still while it set ours: it is given
/// back, or has rung for its owner, and does not pass for ours.
#[test]
fn a_timer_set_over_ours_by_one_who_was_held_up() {
    explore("a_timer_set_over_ours_by_one_who_was_held_up", || {
        machine().act(Some(Disposition::OWNERS));
        let began = machine().now();
        let alarm = after(US * 5_000);
        // Nearer than this it may pass for ours. (And ours may have rung already: another story.)
        let rung = machine().now() - began > 4_900_000;
        let ours = machine().timer().remaining;
        let theirs = ours.checked_sub(US * (150 + choose(1_500))).filter(|time| !rung && *time > US * 500);
        if let Some(remaining) = theirs {
            machine().set_timer(Setting { remaining, interval: Duration::ZERO });
        }
        let asked = machine().now();
        drop(alarm);
        // Held up now, it cannot know when the kernel read the timer out.
        let knows = machine().now() - asked < 100_000;
        while machine().timer() != Setting::DISARMED {
            pause();
        }
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        assert!(got.len() == usize::from(theirs.is_some()) || !knows, "{got:?}");
    });
}

/// A `kill` reaches the owner, whenever it comes. Where a signal waited already it may have been merged with that, and
/// one that is sent again may be told twice where other threads handle signals too.
#[test]
fn a_kill_reaches_the_owner() {
    explore("a_kill_reaches_the_owner", || {
        machine().act(Some(Disposition::OWNERS));
        let kill = machine::kill_from_outside();
        let threads = choose(2);
        let threads: Vec<Thread> = (0..threads)
            .map(|_| {
                spawn(|| {
                    let alarm = after(US * choose(20));
                    until_expired(&alarm);
                })
            })
            .collect();
        let most = 1 + threads.len();
        for _ in 0..2 {
            let alarm = after(US * choose(20));
            if choose(2) == 0 {
                until_expired(&alarm);
            }
        }
        join(threads);
        let _ = kill.join();
        restored(Disposition::OWNERS, Setting::DISARMED);
        let (got, lost) = (owner_got(), machine().kill_is_lost);
        assert!((lost || !got.is_empty()) && got.len() <= most, "{got:?}");
    });
}

/// So does one that another thread takes when our handler is in place and the owner is not known yet.
#[test]
fn a_kill_before_the_owner_is_known() {
    explore("a_kill_before_the_owner_is_known", || {
        machine().act(Some(Disposition::OWNERS));
        let over = AtomicBool::new(false);
        let thread = spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pause();
            }
        });
        let kill = machine::kill_from_outside();
        drop(without_timer());
        let _ = kill.join();
        over.store(true, Ordering::Relaxed);
        thread.join();
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        assert_eq!(got.len(), 1, "{got:?}");
    });
}

/// One that comes in that very moment, to a thread that is quick: its note, and the owner who is made known, must not miss
/// each other.
#[test]
fn a_kill_while_the_owner_becomes_known() {
    explore("a_kill_while_the_owner_becomes_known", || {
        machine().act(Some(Disposition::OWNERS));
        let over = AtomicBool::new(false);
        let thread = spawn(|| {
            for _ in 0..choose(100) {
                machine::step();
            }
            while !over.load(Ordering::Relaxed) {
                pause();
            }
        });
        machine::change_mask(true); // So that the other one gets it.
        machine().kill_meets_ours = true;
        drop(without_timer());
        over.store(true, Ordering::Relaxed);
        thread.join();
        machine::change_mask(false);
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        assert_eq!(got.len(), 1, "{got:?}");
    });
}

/// Nor does one end the process that has a handler, over ours, which ours steps in front of for as long as a thread waits.
#[test]
fn kills_while_ours_steps_in_front() {
    explore("kills_while_ours_steps_in_front", || {
        let _outer = without_timer();
        machine().act(Some(Disposition::OWNERS));
        let over = AtomicBool::new(false);
        let thread = spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pause();
            }
        });
        let kills = [machine::kill_from_outside(), machine::kill_from_outside()];
        let alarm = without_timer();
        for _ in 0..3 {
            alarm.blocking(|| Ok(())).expect("at once");
        }
        over.store(true, Ordering::Relaxed);
        thread.join();
        for kill in kills {
            let _ = kill.join();
        }
        assert_eq!(machine().action(), Disposition::OWNERS, "whose handler is in place");
    });
}

/// A program that has SIGALRM shut out gets what was sent meanwhile when it lets it in itself, and not before.
#[test]
fn a_kill_behind_the_mask() {
    explore("a_kill_behind_the_mask", || {
        machine().act(Some(Disposition::OWNERS));
        machine::change_mask(true);
        let kill = machine::kill_from_outside();
        let thread = (choose(2) == 0).then(|| {
            spawn(|| {
                let alarm = after(US * choose(20));
                until_expired(&alarm);
                drop(alarm);
                let me = machine::me();
                let blocks = machine().blocks(me);
                assert!(blocks);
            })
        });
        for _ in 0..2 {
            let alarm = after(US * choose(20));
            if choose(2) == 0 {
                until_expired(&alarm);
            }
        }
        join(thread);
        let _ = kill.join();
        calm();
        assert_eq!(owner_got(), [], "it was shut out");
        machine::change_mask(false);
        restored(Disposition::OWNERS, Setting::DISARMED);
        let (got, lost) = (owner_got(), machine().kill_is_lost);
        assert!((lost || !got.is_empty()) && got.len() <= 1, "{got:?}");
    });
}

/// A thread that had SIGALRM shut out sends again what it has kept, while rings come to others: with one of them it may be
/// merged, and that one may be taken by a drop.
#[test]
fn a_kept_kill_is_sent_again_among_rings() {
    explore("a_kept_kill_is_sent_again_among_rings", || {
        machine().act(Some(Disposition::OWNERS));
        let scope = || {
            let alarm = after(US * choose(40));
            if choose(2) == 0 {
                until_expired(&alarm);
            }
        };
        let keeper = spawn(|| {
            machine::change_mask(true);
            let alarm = after(US * choose(40));
            let me = machine::me();
            machine().send_to(me, From::Process);
            pause();
            drop(alarm);
        });
        let over = AtomicBool::new(false);
        let thread = spawn(scope);
        // One that may be slow to take what is announced to it.
        let idle = spawn(|| {
            while !over.load(Ordering::Relaxed) {
                pause();
            }
        });
        scope();
        join([keeper, thread]);
        over.store(true, Ordering::Relaxed);
        idle.join();
        restored(Disposition::OWNERS, Setting::DISARMED);
        let got = owner_got();
        assert!((1..=4).contains(&got.len()), "{got:?}");
    });
}

/// `ring` on one thread, checks on two others.
#[test]
fn rung_by_another_thread() {
    explore("rung_by_another_thread", || {
        let alarm = without_timer();
        let rung = AtomicBool::new(false);
        let check = || loop {
            let already = rung.load(Ordering::Relaxed);
            match alarm.check() {
                Ok(()) => assert!(!already, "it has been rung"),
                Err(e) => break assert_eq!(e.cause(), Cause::Rung),
            }
            pause();
        };
        let threads = [
            spawn(|| {
                alarm.ring();
                rung.store(true, Ordering::Relaxed);
            }),
            spawn(check),
            spawn(|| {
                let alarm = after(US * choose(5));
                until_expired(&alarm);
            }),
        ];
        check();
        join(threads);
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}

/// A guard is restarted on one thread, checked on its own, and others come and go.
#[test]
fn restarts_and_drops() {
    explore("restarts_and_drops", || {
        let alarm = after(US * 10);
        let threads = [
            spawn(|| {
                for _ in 0..3 {
                    alarm.restart();
                    pause();
                }
            }),
            spawn(|| {
                for _ in 0..2 {
                    let alarm = after(US * choose(15));
                    let _ = alarm.check();
                }
            }),
        ];
        until_told(&alarm);
        join(threads);
        until_expired(&alarm);
        drop(alarm);
        restored(Disposition::DEFAULT, Setting::DISARMED);
    });
}
