//! Signals that ring an alarm.

use std::io::Read;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_RESTART, SIG_IGN, SIGABRT, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use nix::sys::signal::Signal;
use sigalarm::{Alarm, Cause, checkpoint};

fn signal_rings_the_listening_alarm() {
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] {
        let alarm = arm(Alarm::builder().ring_on(signal).label("solve"));
        assert!(alarm.check().is_ok());
        process::kill_self(signal);
        let e = alarm.check().expect_err("rung");
        assert!(alarm.owns(&e));
        assert_eq!((e.cause(), e.limit()), (Cause::Signal(signal), None));
        assert!(e.to_string().contains("was interrupted by SIG"), "{e}");
        alarm.restart();
        assert!(alarm.check().is_ok(), "a restart listens again");
        process::kill_self(signal);
        assert!(alarm.check().is_err());
    }
}

fn signal_has_its_default_action_after_the_guard() {
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1).ring_on(SIGUSR2));
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 0, "the first goes no further");
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1, "the second goes to the program's own handler");
    drop(alarm);
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 2, "without a listener every signal is forwarded");
    process::kill_self(SIGUSR2); // the default action ends the process
}

fn second_ctrl_c_kills() {
    let alarm = arm(Alarm::builder().ring_on(SIGINT));
    process::kill_self(SIGINT);
    assert_eq!(expiry(&alarm).cause(), Cause::Signal(SIGINT));
    process::kill_self(SIGINT);
    unreachable!("the second takes the default action");
}

#[cfg(target_os = "linux")]
fn every_second_signal_takes_its_default_action() {
    for signal in [libc::SIGIO, libc::SIGPWR, libc::SIGSTKFLT, libc::SIGXCPU, SIGUSR2] {
        let status = process::in_child(|| {
            let _alarm = arm(Alarm::builder().ring_on(signal));
            process::kill_self(signal);
            process::kill_self(signal);
        });
        assert_eq!(status & 0x7f, signal);
    }
}

fn second_ctrl_c_kills_without_a_check() {
    let _alarm = arm(Alarm::builder().ring_on(SIGINT));
    process::kill_self(SIGINT);
    process::kill_self(SIGINT);
    unreachable!("the second takes the default action");
}

fn one_shot_handler_runs_at_the_second_signal() {
    process::set_action_for(SIGUSR1, process::counting(), libc::SA_RESETHAND, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 1);
    drop(alarm);
    assert_eq!(process::action_for(SIGUSR1).sa_sigaction, libc::SIG_DFL, "it has had its one");
}

fn signal_rings_only_the_alarm_that_was_listening() {
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    drop(alarm);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    assert!(alarm.check().is_ok());
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 0);
    drop(arm(Alarm::builder().ring_on(SIGUSR1)));
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1);
}

/// The handler forwards to the previous handler.
fn saved_handler_that_is_installed_again_forwards() {
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    let saved = process::action_for(SIGUSR1);
    drop(alarm);
    process::set_action_for(SIGUSR1, saved.sa_sigaction, saved.sa_flags, &[]);
    process::kill_self(SIGUSR1);
    assert_eq!(counted(), 1);
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    process::kill_self(SIGUSR1);
    assert!(alarm.check().is_err());
    assert_eq!(counted(), 2);
}

fn handler_installed_over_ring_on_stays() {
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let installed = process::action_for(SIGUSR1).sa_sigaction;
    let is_installed = || process::action_for(SIGUSR1).sa_sigaction == installed;
    let waited = alarm.blocking(|| Ok(is_installed()));
    assert!(waited.expect("at once") && is_installed());
    drop(alarm);
    assert!(is_installed());
}

fn signals_of_a_child_go_to_the_previous_handler() {
    process::set_action_for(SIGUSR1, process::counting(), SA_RESTART, &[]);
    let before = process::action_for(SIGUSR1).sa_sigaction;
    let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
    process::kill_self(SIGUSR1);
    process::passes_in_child(|| {
        assert_eq!(process::action_for(SIGUSR1).sa_sigaction, before);
        process::kill_self(SIGUSR1);
        assert_eq!(counted(), 1);
        let own = arm(Alarm::builder().ring_on(SIGUSR1));
        assert!(own.check().is_ok(), "that one was the parent's");
        process::kill_self(SIGUSR1);
        assert!(own.check().is_err());
        drop(own);
        assert_eq!(process::action_for(SIGUSR1).sa_sigaction, before);
    });
    assert!(alarm.check().is_err());
}

fn several_alarms_share_a_signal() {
    let outer = arm(Alarm::builder().ring_on(SIGTERM).label("outer"));
    let inner = arm(Alarm::builder().ring_on(SIGTERM).ring_on(SIGINT));
    process::kill_self(SIGTERM);
    assert!(outer.owns(&inner.check().unwrap_err()));
    drop(outer);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGTERM));
    inner.restart();
    process::kill_self(SIGTERM);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGTERM), "it listens on");
    inner.restart();
    process::kill_self(SIGINT);
    assert_eq!(inner.check().unwrap_err().cause(), Cause::Signal(SIGINT));
    // An alarm armed after another was rung has its own first signal.
    let cleanup = arm(Alarm::builder().ring_on(SIGINT));
    inner.disarm();
    process::kill_self(SIGINT);
    assert!(cleanup.check().is_err());
}

fn ignored_signal_stays_ignored() {
    process::set_action_for(SIGHUP, SIG_IGN, 0, &[]);
    let alarm = arm(Alarm::builder().ring_on(SIGHUP));
    process::kill_self(SIGHUP);
    assert!(alarm.check().is_ok());
    let bits = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = bits.lines().find(|line| line.starts_with("SigIgn")) {
        assert!(line.ends_with('1'), "{line}: SIGHUP is signal 1");
    }
    process::set_action(SIG_IGN, 0, &[]);
}

fn signal_ends_a_wait() {
    for limit in [None, Some(100 * SECOND)] {
        let builder = Alarm::builder().ring_on(SIGINT);
        let alarm = arm(limit.map_or(builder.clone(), |limit| builder.after(limit)));
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(30 * MS);
                process::kill_self(SIGINT);
            });
            let (mut here, _there) = pair();
            let e = alarm.blocking(|| here.read(&mut [0; 8])).expect_err("nothing comes");
            assert_eq!(e.kind(), std::io::ErrorKind::TimedOut);
        });
        assert!(alarm.elapsed() < LATE);
        alarm.restart();
        std::thread::scope(|s| {
            s.spawn(|| {
                std::thread::sleep(30 * MS);
                process::kill_self(SIGINT);
            });
            assert_eq!(alarm.sleep(LATE).expect_err("rung").cause(), Cause::Signal(SIGINT));
        });
    }
}

/// The signal itself ends the wait: the program has disarmed the timer.
#[cfg(target_os = "linux")]
fn signal_ends_a_wait_without_the_timer() {
    for to_itself in [true, false] {
        let alarm = arm(Alarm::builder().ring_on(SIGUSR1));
        let (handle, waiter) = (AtomicUsize::new(0), AtomicI32::new(0));
        std::thread::scope(|s| {
            s.spawn(|| {
                handle.store(nix::sys::pthread::pthread_self() as usize, Ordering::SeqCst);
                let (mut here, _there) = pair();
                let e = alarm.blocking(|| {
                    waiter.store(nix::unistd::gettid().as_raw(), Ordering::SeqCst);
                    here.read(&mut [0; 8])
                });
                assert_eq!(e.expect_err("nothing comes").kind(), std::io::ErrorKind::TimedOut);
            });
            // Until it sleeps in its call.
            loop {
                let path = format!("/proc/self/task/{}/syscall", waiter.load(Ordering::SeqCst));
                match std::fs::read_to_string(path) {
                    Ok(call) if call.starts_with(&format!("{} ", libc::SYS_read)) => break,
                    Ok(call) if call.starts_with(&format!("{} ", libc::SYS_recvfrom)) => break,
                    Ok(_) | Err(_) => std::thread::yield_now(),
                }
            }
            process::disarm();
            if to_itself {
                let thread = handle.load(Ordering::SeqCst) as libc::pthread_t;
                nix::sys::pthread::pthread_kill(thread, Signal::SIGUSR1).expect("it lives");
            } else {
                process::kill_self(SIGUSR1); // handled here: the kernel prefers the main thread
            }
        });
    }
}

fn signals_that_cannot_be_handled_are_refused() {
    for signal in
        [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV, libc::SIGALRM, SIGABRT, 0, -1, 64, 999, i32::MAX]
    {
        let e = Alarm::builder().ring_on(signal).arm().expect_err("refused");
        assert_eq!(e.call(), None);
        assert!(e.to_string().contains(&format!("signal {signal} cannot ring it")), "{e}");
        assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::InvalidInput);
    }
    assert!(checkpoint().is_ok());
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        signal_rings_the_listening_alarm,
        signal_has_its_default_action_after_the_guard.dies_of(SIGUSR2),
        second_ctrl_c_kills.dies_of(SIGINT),
        #[cfg(target_os = "linux")]
        every_second_signal_takes_its_default_action,
        second_ctrl_c_kills_without_a_check.dies_of(SIGINT),
        one_shot_handler_runs_at_the_second_signal,
        signal_rings_only_the_alarm_that_was_listening,
        saved_handler_that_is_installed_again_forwards,
        handler_installed_over_ring_on_stays,
        signals_of_a_child_go_to_the_previous_handler,
        #[cfg(target_os = "linux")]
        signal_ends_a_wait_without_the_timer,
        several_alarms_share_a_signal,
        ignored_signal_stays_ignored,
        signal_ends_a_wait,
        signals_that_cannot_be_handled_are_refused,
    ]
}
