//! Guards across fork and exec.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::{in_child, state};
use crate::support::*;
use nix::libc::{SA_RESTART, SIG_DFL, SIG_IGN, SIGALRM, SIGHUP};
use sigalarm::{Alarm, checkpoint, suspended};

fn inherited_guards_are_inert() {
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    process::block(SIGALRM);
    let before = state();
    let expired = after(Duration::ZERO);
    let alarm = after(50 * MS);
    let without_timer = never();
    assert!(alarm.check().is_err());
    process::passes_in_child(|| {
        assert_eq!(state(), before, "the child's disposition and mask are those from before the guards");
        assert!(expired.check().is_ok() && alarm.check().is_ok() && checkpoint().is_ok());
        assert_eq!((alarm.limit(), alarm.remaining(), alarm.elapsed()), (None, None, Duration::ZERO));
        alarm.restart();
        alarm.extend(MS);
        alarm.ring();
        assert!(alarm.check().is_ok(), "inert is inert");
        let own = after(5 * MS);
        assert!(alarm.id() != own.id());
        drop(expired); // leaves the child's own alarm alone
        expiry(&own);
        assert!(own.owns(&checkpoint().unwrap_err()));
        drop(own);
        drop(alarm);
        drop(without_timer);
        assert_eq!(state(), before);
    });
}

fn parent_alarms_go_on_after_a_fork() {
    let alarm = after(100 * MS);
    for n in 0..20 {
        process::passes_in_child(|| {
            drop(after(Duration::from_micros(n * 100)));
            let _left_armed = after(SECOND);
        });
    }
    assert!(alarm.check().is_ok() || alarm.elapsed() >= 100 * MS);
    expires(&alarm, 100 * MS);
}

fn guards_of_three_generations_are_independent() {
    let grandparent = after(SECOND * 100);
    process::passes_in_child(|| {
        let parent = after(SECOND * 50);
        let status = in_child(|| {
            let own = after(2 * MS);
            expiry(&own);
            assert!(parent.check().is_ok() && grandparent.check().is_ok());
            drop(parent);
            assert!(own.check().is_err());
        });
        assert_eq!(status, 0);
    });
}

fn child_forked_while_others_arm_can_arm() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let alarm = after(Duration::from_micros(20));
                    expiry(&alarm);
                }
            });
        }
        for _ in rounds(500) {
            process::passes_in_child(|| {
                let alarm = after(Duration::from_micros(50));
                expiry(&alarm);
            });
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// Other threads wait for the lock when the process forks.
fn threads_of_a_child_get_the_lock() {
    // std's lock for starting threads may be copied locked, so all threads run before the fork.
    let (stop, all_run) = (AtomicBool::new(false), std::sync::Barrier::new(7));
    let arm_and_drop = || {
        let _outer = after(100 * SECOND);
        for _ in 0..1_000 {
            drop(after(SECOND));
        }
    };
    std::thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| {
                all_run.wait();
                while !stop.load(Ordering::Relaxed) {
                    arm_and_drop();
                }
            });
        }
        all_run.wait();
        for _ in rounds(200) {
            process::passes_in_child(|| {
                std::thread::scope(|s| {
                    for _ in 0..4 {
                        s.spawn(arm_and_drop);
                    }
                });
            });
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// The handlers forward expiries to a blocked thread that the child lacks.
fn child_ignores_expiries_forwarded_in_its_parent() {
    const OFTEN: Duration = Duration::from_micros(40);
    process::count_signals();
    let before = process::action().sa_sigaction;
    let alarm = after(100 * SECOND);
    let (waits, over) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|s| {
        // The thread ends its wait without a check, so it does not program the timer.
        let waiter = s.spawn(|| {
            alarm.blocking(|| {
                waits.store(true, Ordering::SeqCst);
                while !over.load(Ordering::SeqCst) {
                    let _ = nix::poll::poll(&mut [], 1_000_u16);
                }
                Ok(())
            })
        });
        while !waits.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let forks = s.spawn(|| {
            for _ in rounds(400) {
                process::passes_in_child(|| {
                    drop(after(SECOND));
                    assert_eq!(process::action().sa_sigaction, before);
                });
            }
        });
        process::set_timer(OFTEN, OFTEN);
        while !forks.is_finished() {
            std::hint::spin_loop();
        }
        process::disarm();
        over.store(true, Ordering::SeqCst);
        forks.join().expect("no panic");
        waiter.join().expect("no panic").expect("the wait is over");
    });
    assert!(alarm.check().is_ok());
}

/// A child inherits no pending signal.
fn kept_signal_stays_with_the_parent() {
    process::count_signals();
    process::block(SIGALRM);
    let alarm = after(SECOND);
    process::kill_self(SIGALRM);
    process::passes_in_child(|| {
        drop(after(MS));
        process::unblock(SIGALRM);
        let own = after(MS);
        expiry(&own);
        drop(own);
        assert_eq!(process::counted(), 0);
    });
    drop(alarm);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1);
}

fn child_forked_during_the_first_arming_can_arm() {
    for n in rounds(300) {
        // A process without earlier alarms, with a second thread.
        process::passes_in_child(|| {
            let began = std::sync::atomic::AtomicBool::new(false);
            std::thread::scope(|s| {
                s.spawn(|| {
                    began.store(true, std::sync::atomic::Ordering::SeqCst);
                    let alarm = Alarm::at(Instant::now() + Duration::from_micros(1)).expect("arming");
                    expiry(&alarm);
                });
                while !began.load(std::sync::atomic::Ordering::SeqCst) {
                    std::hint::spin_loop();
                }
                for _ in 0..n * 7 % 50 * 20 {
                    std::hint::spin_loop();
                }
                let status = in_child(|| {
                    let alarm = Alarm::at(Instant::now() + Duration::from_micros(1)).expect("arming");
                    expiry(&alarm);
                    assert_eq!(in_child(|| assert!(alarm.check().is_ok())), 0);
                });
                assert_eq!(status, 0);
            });
        });
    }
}

fn spawned_command_inherits_no_signal_state() {
    let _alarm = after(20 * MS);
    let status = Command::new("sleep").arg("0.2").status().expect("a sleep");
    assert!(status.success(), "{status}");
}

fn exec_under_a_guard_keeps_the_timer() {
    let _alarm = after(SECOND);
    panic!("{}", Command::new("sleep").arg("60").exec());
}

fn exec_in_suspended_keeps_no_timer() {
    let _alarm = after(50 * MS);
    suspended(|| panic!("{}", Command::new("sleep").arg("0.3").exec()));
}

fn exec_in_suspended_keeps_mask_and_ignored_signals() {
    process::block(SIGALRM);
    process::set_action(SIG_IGN, 0, &[]);
    let _alarm = after(50 * MS);
    suspended(|| {
        panic!("{}", Command::new("grep").args(["-E", "^Sig(Blk|Ign)", "/proc/self/status"]).exec())
    });
}

fn has_bit_of_sigalrm(outcome: &Outcome) -> Result<(), String> {
    // Bit 13 is signal 14. (std's Command also resets SIGPIPE, which is not compared.)
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let set = |line: &&str| {
        let bits = line.split_whitespace().nth(1).and_then(|hex| u64::from_str_radix(hex, 16).ok());
        bits.is_some_and(|bits| bits & (1 << 13) != 0)
    };
    if lines.len() == 2 && lines.iter().all(set) {
        Ok(())
    } else {
        Err("SIGALRM's bits are not set".to_owned())
    }
}

fn suspended_restores_the_state() {
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    process::block(SIGALRM);
    process::once(100 * SECOND);
    let before = state();
    let alarm = after(2 * SECOND);
    let armed = process::action().sa_sigaction;
    suspended(|| {
        let now = state();
        assert!(before.timer.0 - now.timer.0 < 20 * SECOND && now.timer.0 <= before.timer.0);
        assert_eq!(process::State { timer: before.timer, ..now }, before);
        assert!(alarm.check().is_ok() || alarm.elapsed() >= 2 * SECOND);
        suspended(|| assert_ne!(process::action().sa_sigaction, armed));
        assert_ne!(process::action().sa_sigaction, armed, "still suspended");
        let inside = after(MS);
        expiry(&inside);
        assert!(inside.elapsed() >= MS, "checks go by the clock");
    });
    assert_eq!(process::action().sa_sigaction, armed);
    assert!(!process::mask().contains(&SIGALRM));
    expires(&alarm, 2 * SECOND);
    drop(alarm);
    assert_eq!(process::action().sa_sigaction, before.handler);
    assert_eq!(process::mask(), before.mask);
}

fn panic_in_suspended_resumes_the_alarms() {
    let alarm = after(10 * MS);
    let result = std::panic::catch_unwind(|| suspended(|| panic!("on purpose")));
    assert!(result.is_err());
    assert_ne!(process::action().sa_sigaction, SIG_DFL, "in force again");
    expiry(&alarm);
}

fn fork_and_suspended_without_an_alarm_change_nothing() {
    let before = state();
    suspended(|| ());
    assert!(checkpoint().is_ok());
    assert_eq!(state(), before);
    let alarm = after(SECOND);
    process::passes_in_child(|| {
        alarm.ring();
        alarm.restart();
        alarm.extend(SECOND);
        assert!(alarm.sleep(MS).is_ok());
        assert!(alarm.blocking(|| Ok(())).is_ok());
        suspended(|| ());
        assert!(alarm.check().is_ok());
        assert_eq!(state(), before);
    });
    drop(alarm);
    assert!(checkpoint().is_ok());
    assert_eq!(state(), before);
}

fn suspended_respects_the_mask_of_the_program() {
    process::count_signals();
    process::block(SIGALRM);
    let alarm = after(SECOND);
    suspended(move || drop(alarm));
    let alarm = after(SECOND);
    suspended(|| {
        suspended(|| assert!(process::mask().contains(&SIGALRM)));
        assert!(process::mask().contains(&SIGALRM), "the outer one is not over");
    });
    assert!(!process::mask().contains(&SIGALRM));
    process::kill_self(SIGALRM);
    suspended(|| {
        let _inside = after(SECOND);
        assert!(process::mask().contains(&SIGALRM), "the library's handler is not installed");
    });
    drop(alarm);
    assert_eq!(process::counted(), 0);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1, "kept all the time");
    let _alarm = after(SECOND);
    process::kill_self(SIGALRM);
    assert_eq!(process::counted(), 2, "and nothing is kept for a thread that lets it in");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        inherited_guards_are_inert,
        parent_alarms_go_on_after_a_fork,
        guards_of_three_generations_are_independent,
        child_forked_while_others_arm_can_arm,
        threads_of_a_child_get_the_lock,
        child_forked_during_the_first_arming_can_arm,
        child_ignores_expiries_forwarded_in_its_parent,
        kept_signal_stays_with_the_parent,
        spawned_command_inherits_no_signal_state,
        // Documented limit: the kernel keeps the timer across exec.
        exec_under_a_guard_keeps_the_timer.dies_of(SIGALRM),
        exec_in_suspended_keeps_no_timer,
        exec_in_suspended_keeps_mask_and_ignored_signals.judged(has_bit_of_sigalrm),
        suspended_restores_the_state,
        panic_in_suspended_resumes_the_alarms,
        fork_and_suspended_without_an_alarm_change_nothing,
        suspended_respects_the_mask_of_the_program,
    ]
}
