//! Dispositions, masks and pending signals.

use super::lives;
use crate::support::process::{State, state};
use crate::support::*;
use nix::libc::{
    SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SA_SIGINFO, SIG_DFL, SIG_IGN, SIGALRM, SIGHUP, SIGINT,
    SIGTERM, SIGUSR1,
};
use sigalarm::Alarm;

fn leaves(expected: &State) {
    lives();
    assert_eq!(state(), *expected);
    let guards: Vec<Alarm> = (1..50).map(|n| after(n * MS)).collect();
    assert_ne!(state(), *expected, "while armed something must be different");
    drop(guards);
    assert_eq!(state(), *expected);
}

fn default_disposition_is_restored() {
    leaves(&state());
}

fn ignored_disposition_is_restored() {
    process::set_action(SIG_IGN, 0, &[]);
    leaves(&state());
}

fn handler_flags_and_mask_are_restored() {
    for flags in [0, SA_RESTART, SA_NODEFER | SA_ONSTACK, SA_RESETHAND, SA_RESTART | SA_NODEFER] {
        process::set_action(process::counting(), flags, &[SIGHUP, SIGUSR1]);
        leaves(&state());
    }
    process::set_action(process::counting_info(), SA_SIGINFO | SA_RESTART, &[SIGUSR1]);
    leaves(&state());
    assert_eq!(process::counted(), 0, "our own rings never reach a foreign handler");
}

fn blocked_signal_mask_is_restored() {
    process::block(SIGALRM);
    process::block(SIGHUP);
    let before = state();
    leaves(&before);
    let alarm = after(MS);
    assert!(!process::mask().contains(&SIGALRM), "let in while armed");
    expiry(&alarm);
    let inner = after(MS);
    drop(alarm);
    assert!(!process::mask().contains(&SIGALRM), "let in as long as one alarm lives");
    expiry(&inner);
    drop(inner);
    assert_eq!(state(), before);
    assert!(!process::is_pending(SIGALRM));
}

/// All reasons to expire, and a ticker, at once.
fn every_reason_is_restored() {
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    let before = process::state();
    let handlers = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status
            .lines()
            .filter(|l| l.starts_with("Sig") && !l.starts_with("SigQ"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before_all = handlers();
    for _ in 0..50 {
        let all = Alarm::builder()
            .after(MS)
            .cpu_limit(SECOND)
            .check_limit(5)
            .ring_on(SIGINT)
            .ring_on(SIGTERM)
            .audit(MS);
        let alarm = arm(all.abort_after(SECOND));
        let _ticker = sigalarm::Ticker::every(MS).expect("arming");
        expiry(&alarm);
    }
    assert_eq!(process::state(), before);
    assert_eq!(handlers(), before_all);
}

fn each_thread_mask_is_restored() {
    process::block(SIGALRM);
    let alarm = after(SECOND);
    std::thread::scope(|s| {
        s.spawn(|| {
            process::block(SIGALRM);
            let before = process::mask();
            drop(after(MS));
            assert_eq!(process::mask(), before);
            let inner = after(100 * SECOND); // the timer need not be set for it
            assert!(!process::mask().contains(&SIGALRM), "it may be the last to let it in");
            drop(inner);
            assert_eq!(process::mask(), before);
        });
    });
    assert!(!process::mask().contains(&SIGALRM));
    drop(alarm);
    assert!(process::mask().contains(&SIGALRM));
}

fn blocked_signal_stays_pending() {
    process::block(SIGALRM);
    process::kill_self(SIGALRM);
    let alarm = after(MS); // its signal would take the default action here…
    expiry(&alarm);
    process::kill_self(SIGALRM); // … or here
    drop(alarm);
    assert!(process::is_pending(SIGALRM));
    process::set_action(process::counting(), 0, &[]);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1);
    // The signal is forwarded once. No later expiry is taken for it.
    let alarm = after(MS);
    expiry(&alarm);
    drop(alarm);
    assert_eq!(process::counted(), 1);
}

/// The drop takes the merged signal and re-sends the program's.
fn signal_blocked_under_a_guard_stays_pending() {
    process::count_signals();
    let before = state();
    for n in 1..=3 {
        let alarm = after(MS);
        process::block(SIGALRM);
        process::kill_self(SIGALRM);
        while alarm.elapsed() < 2 * MS {}
        drop(alarm);
        assert_eq!(process::counted(), n - 1, "it is shut out");
        process::unblock(SIGALRM);
        assert_eq!(process::counted(), n, "it waited for the program");
        assert_eq!(state(), before);
    }
}

/// The drop takes the merged signal and re-sends the program's.
fn kept_signal_merged_with_an_expiry_stays_pending() {
    process::count_signals();
    let before = state();
    let alarm = after(50 * MS);
    process::block(SIGALRM);
    std::thread::scope(|s| {
        s.spawn(|| {
            let own = after(100 * SECOND);
            process::kill_self(SIGALRM); // delivered here, where SIGALRM is unblocked for the guard only
            process::block(SIGALRM);
            while alarm.elapsed() < 55 * MS {}
            drop(own);
        });
    });
    drop(alarm);
    assert_eq!(process::counted(), 0, "it is shut out");
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1, "it waited for the program");
    assert_eq!(state(), before);
}

fn similar_dispositions_are_restored_exactly() {
    let counting = process::counting();
    let another = process::handler(another);
    for _ in 0..2 {
        for (function, flags, mask) in [
            (counting, SA_RESTART, [SIGHUP]),
            (counting, SA_RESTART | SA_NODEFER, [SIGHUP]),
            (counting, SA_RESTART, [SIGUSR1]),
            (counting, SA_RESTART, [64]),
            (another, SA_RESTART, [SIGHUP]),
        ] {
            process::set_action(function, flags, &mask);
            let before = state();
            drop(after(SECOND));
            assert_eq!(state(), before);
        }
    }
}

extern "C" fn another(_: i32) {
    panic!("no such signal was sent");
}

fn handler_installed_over_a_guard_stays() {
    let alarm = after(MS);
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    let changed = state();
    wait_a_little(); // the library's expiry goes to the handler over it
    drop(alarm);
    assert_eq!(State { timer: changed.timer, ..state() }, changed);
    process::kill_self(SIGALRM);
    assert!(process::counted() >= 1);
}

/// The program saves the library's handler and installs it when no guard lives.
fn saved_handler_installed_without_a_guard_forwards() {
    process::set_action(process::counting(), 0, &[]);
    let alarm = after(SECOND);
    let saved = process::action();
    process::set_action(SIG_DFL, 0, &[]);
    drop(alarm);
    process::set_action(saved.sa_sigaction, saved.sa_flags, &[]);
    let left_behind = state();
    process::kill_self(SIGALRM);
    assert_eq!(process::counted(), 1, "it is forwarded to the previous handler");
    // A new guard over the saved handler works.
    let alarm = after(MS);
    expiry(&alarm);
    process::kill_self(SIGALRM);
    assert_eq!(process::counted(), 2);
    drop(alarm);
    assert_eq!(state(), left_behind);
}

/// A stop request needs neither.
fn worker_installs_no_handler_and_no_timer() {
    process::once(50 * SECOND);
    let (sender, receiver) = std::sync::mpsc::channel();
    let (let_go, wait) = std::sync::mpsc::channel::<()>();
    let worker = sigalarm::thread::Worker::spawn(move || {
        sender.send(()).expect("a receiver");
        let _ = wait.recv();
        assert!(sigalarm::checkpoint().is_err());
        sender.send(()).expect("a receiver");
        let _ = wait.recv();
    });
    let worker = worker.expect("a thread");
    let is_as_before = || {
        let (handler, (left, _)) = (process::action().sa_sigaction, process::timer());
        handler == SIG_DFL && left > 30 * SECOND
    };
    receiver.recv().expect("it runs");
    drop(after(SECOND));
    assert!(is_as_before(), "after a guard");
    drop((after(20 * SECOND), after(10 * SECOND)));
    assert!(is_as_before(), "after two");
    sigalarm::suspended(|| assert!(is_as_before()));
    assert!(is_as_before(), "after a suspension");
    worker.stop();
    let_go.send(()).expect("it waits");
    receiver.recv().expect("a request to stop");
    assert!(is_as_before(), "after the request to stop");
    drop(after(SECOND));
    assert!(is_as_before(), "after another guard");
    drop(let_go);
    worker.join().expect("no panic");
    assert!(is_as_before(), "after the worker");
}

fn wait_a_little() {
    spin(5 * MS);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        default_disposition_is_restored,
        ignored_disposition_is_restored,
        handler_flags_and_mask_are_restored,
        blocked_signal_mask_is_restored,
        each_thread_mask_is_restored,
        every_reason_is_restored,
        blocked_signal_stays_pending,
        signal_blocked_under_a_guard_stays_pending,
        kept_signal_merged_with_an_expiry_stays_pending,
        similar_dispositions_are_restored_exactly,
        handler_installed_over_a_guard_stays,
        saved_handler_installed_without_a_guard_forwards,
        worker_installs_no_handler_and_no_timer,
    ]
}
