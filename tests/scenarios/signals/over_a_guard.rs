//! Handlers that the program installs over the library's.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SIGALRM, SIGUSR1};
use sigalarm::Alarm;

/// Installs a handler that counts and forwards to the one in place.
#[allow(unsafe_code)]
fn install_counter(signal: libc::c_int) -> &'static AtomicUsize {
    static CALLS: [AtomicUsize; 32] = [const { AtomicUsize::new(0) }; 32];
    let calls = &CALLS[signal as usize];
    // SAFETY: it only adds to an atomic.
    let id = unsafe { signal_hook::low_level::register(signal, || _ = calls.fetch_add(1, Ordering::SeqCst)) };
    id.expect("a signal that may be handled");
    calls
}

/// Without the library the handler would have prevented the default action.
fn handler_over_a_guard_keeps_the_process_alive() {
    let alarm = after(2 * SECOND);
    let calls = install_counter(SIGALRM);
    process::kill_self(SIGALRM);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    expires(&alarm, 2 * SECOND);
    drop(alarm);
    // The library's own expiry went to it too.
    let so_far = calls.load(Ordering::SeqCst);
    for n in 1..4 {
        process::kill_self(SIGALRM);
        assert_eq!(calls.load(Ordering::SeqCst), so_far + 2 * n - 1, "no guard");
        let _alarm = after(SECOND); // arming puts its handler in front, and the other one forwards to it
        process::kill_self(SIGALRM);
        assert_eq!(calls.load(Ordering::SeqCst), so_far + 2 * n, "a guard");
    }
}

fn handler_over_a_guard_and_previous_handler_run_once_each() {
    process::count_signals();
    let alarm = after(SECOND);
    let calls = install_counter(SIGALRM);
    let mut sent = 0;
    let mut send = || {
        process::kill_self(SIGALRM);
        sent += 1;
        assert_eq!((calls.load(Ordering::SeqCst), counted()), (sent, sent));
    };
    send();
    drop(alarm);
    send();
    for _ in 0..3 {
        let alarm = after(SECOND);
        send();
        drop(alarm);
        send();
    }
}

fn handler_over_a_guard_runs_in_a_child() {
    process::count_signals();
    let _alarm = after(10 * SECOND);
    let calls = install_counter(SIGALRM);
    process::passes_in_child(|| {
        for sent in 1..4 {
            process::kill_self(SIGALRM);
            assert_eq!((calls.load(Ordering::SeqCst), counted()), (2 * sent - 1, 2 * sent - 1));
            let _alarm = after(SECOND);
            process::kill_self(SIGALRM);
            assert_eq!((calls.load(Ordering::SeqCst), counted()), (2 * sent, 2 * sent));
        }
    });
}

fn handler_over_a_guard_runs_for_a_foreign_timer() {
    let receives = |calls: &AtomicUsize, times| {
        let began = Instant::now();
        while calls.load(Ordering::SeqCst) < times {
            assert!(began.elapsed() < 20 * SECOND, "never came");
        }
        while began.elapsed() < 40 * MS {}
        assert_eq!(calls.load(Ordering::SeqCst), times);
    };
    process::once(2 * SECOND);
    let alarm = after(SECOND * 100);
    let calls = install_counter(SIGALRM);
    receives(calls, 1);
    drop(alarm);
    for n in 1..4 {
        process::once(10 * MS);
        let alarm = after(SECOND * 100);
        receives(calls, 2 * n);
        assert!(alarm.check().is_ok());
        drop(alarm);
        process::once(10 * MS);
        receives(calls, 2 * n + 1);
    }
}

/// No signal ends the process, even if the library's handler is exchanged while it runs.
fn handler_over_guards_of_several_threads_survives_a_storm() {
    let first = after(SECOND);
    let calls = install_counter(SIGALRM);
    let installed = process::action().sa_sigaction;
    drop(first);
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                process::kill_self(SIGALRM);
            }
        });
        let guards = |thread: u64| {
            for n in rounds(1_000) {
                let limit = Duration::from_nanos((n * 7_919 + thread * 31) % 50_000);
                let alarm = after(limit);
                expires(&alarm, limit);
            }
        };
        let threads = [0, 1, 2].map(|thread| s.spawn(move || guards(thread)));
        let ended = threads.map(|thread| thread.join());
        done.store(true, Ordering::SeqCst);
        assert!(ended.iter().all(Result::is_ok));
    });
    assert!(calls.load(Ordering::SeqCst) > 0);
    assert_eq!((process::action().sa_sigaction, process::timer().0), (installed, Duration::ZERO));
}

/// A second Ctrl-C does not kill a program that handles it.
fn handler_over_ring_on_prevents_the_default_action() {
    let arm = || Alarm::builder().ring_on(SIGUSR1).arm().expect("arming");
    let alarm = arm();
    let calls = install_counter(SIGUSR1);
    for sent in 1..4 {
        process::kill_self(SIGUSR1);
        assert!(alarm.check().is_err());
        assert_eq!(calls.load(Ordering::SeqCst), sent);
    }
    drop(alarm);
    for n in 0..3 {
        process::kill_self(SIGUSR1);
        assert_eq!(calls.load(Ordering::SeqCst), 4 + 3 * n, "no guard");
        let alarm = arm(); // arming puts its handler in front, and the other one forwards to it
        process::kill_self(SIGUSR1);
        assert!(alarm.check().is_err());
        assert_eq!(calls.load(Ordering::SeqCst), 4 + 3 * n, "it rang");
        process::kill_self(SIGUSR1);
        process::kill_self(SIGUSR1);
        assert_eq!(calls.load(Ordering::SeqCst), 6 + 3 * n, "no listener is left");
    }
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        handler_over_a_guard_keeps_the_process_alive,
        handler_over_a_guard_and_previous_handler_run_once_each,
        handler_over_a_guard_runs_in_a_child,
        handler_over_a_guard_runs_for_a_foreign_timer,
        handler_over_guards_of_several_threads_survives_a_storm,
        handler_over_ring_on_prevents_the_default_action,
    ]
}
