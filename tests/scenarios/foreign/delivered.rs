//! Foreign timers that run when the guard is armed.

use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_RESTART, SA_SIGINFO, SIG_IGN, SIGALRM};

/// The foreign timer expires first, last, and in between. The guarded code never checks.
fn foreign_timer_is_on_time_without_checks() {
    process::count_signals();
    for (n, limit) in
        [SECOND, 60 * MS, 30 * MS, MS, Duration::from_micros(1), Duration::ZERO].into_iter().enumerate()
    {
        let began = Instant::now();
        process::once(50 * MS);
        let alarm = after(limit);
        let inner = after(limit / 2);
        spin_until(|| counted() > n);
        assert!(began.elapsed() >= 50 * MS, "early");
        while began.elapsed() < 80 * MS {}
        assert_eq!(counted(), n + 1);
        drop(inner);
        drop(alarm);
        assert_eq!(process::timer(), (Duration::ZERO, Duration::ZERO), "it has rung and is over");
    }
}

fn foreign_timer_is_on_time_while_a_call_blocks() {
    process::count_signals();
    process::once(30 * MS);
    let _alarm = after(10 * MS);
    let (mut reader, writer) = pair();
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(100 * MS);
            drop(writer);
        });
        assert_eq!(std::io::Read::read(&mut reader, &mut [0; 8]).expect("no EINTR"), 0);
    });
    spin_until(|| counted() == 1);
}

fn periodic_timer_goes_on_under_a_guard() {
    process::set_action(process::counting_info(), SA_SIGINFO | SA_RESTART, &[]);
    let began = Instant::now();
    process::set_timer(20 * MS, 20 * MS);
    let alarm = after(50 * MS);
    spin_until(|| counted() >= 10);
    // Signals may be late or merge, but none is early.
    assert!(began.elapsed() >= 200 * MS);
    assert!(alarm.check().is_err());
    spin_until(|| counted() >= 15);
    drop(alarm);
    let (left, interval) = process::timer();
    assert!(interval == 20 * MS && left <= 20 * MS);
    let so_far = counted();
    spin_until(|| counted() > so_far);
    assert_eq!(process::LAST_CODE.load(Ordering::SeqCst), 0x80, "SI_KERNEL, as from the timer");
}

fn foreign_timer_that_is_ignored_stays_ignored() {
    process::set_action(SIG_IGN, 0, &[]);
    process::once(10 * MS);
    let alarm = after(30 * MS);
    expires(&alarm, 30 * MS);
}

fn default_kills_a_spinning_process() {
    process::once(50 * MS);
    let _outer = after(20 * SECOND);
    let _alarm = after(10 * MS);
    hang();
}

fn default_kills_a_checking_process() {
    process::once(50 * MS);
    loop {
        let alarm = after(Duration::from_micros(100));
        expiry(&alarm);
    }
}

fn default_kills_a_blocked_process() {
    process::once(50 * MS);
    let _alarm = after(10 * MS);
    std::thread::sleep(20 * SECOND);
}

/// `perl -e 'alarm 1; exec @ARGV' TOOL` kills TOOL under any guard.
fn perl(inner: &mut Command) -> Command {
    under("perl", &["-e", "alarm 1; exec { $ARGV[0] } @ARGV or die"])(inner)
}

fn spins_forever() {
    let _alarm = after(30 * SECOND);
    hang();
}

fn checks_forever() {
    loop {
        let alarm = after(5 * MS);
        expiry(&alarm);
    }
}

fn sleeps_forever() {
    let alarm = after(30 * SECOND);
    let _ = alarm.sleep(60 * SECOND);
    unreachable!("killed before");
}

static REARMED: AtomicI32 = AtomicI32::new(0);

extern "C" fn set_timer_again(_: libc::c_int) {
    if REARMED.fetch_add(1, Ordering::SeqCst) < 5 {
        process::once(10 * MS);
    }
}

fn handler_that_sets_its_timer_again_runs_each_time() {
    process::set_action(process::handler(set_timer_again), SA_RESTART, &[]);
    process::once(10 * MS);
    let alarm = after(300 * MS);
    expires(&alarm, 300 * MS);
    drop(alarm);
    // On a loaded machine the last ones may be late.
    spin_until(|| REARMED.load(Ordering::SeqCst) == 6);
}

fn handler_without_sa_restart_still_interrupts_calls() {
    process::set_action(process::counting(), 0, &[]);
    // Periodic, since the first expiry may precede the call.
    process::set_timer(30 * MS, 30 * MS);
    let _alarm = after(SECOND);
    let (mut reader, _writer) = pair();
    let e = std::io::Read::read(&mut reader, &mut [0; 8]).expect_err("EINTR");
    assert_eq!(e.kind(), std::io::ErrorKind::Interrupted);
    assert!(counted() >= 1);
}

fn guard_with_sigalrm_blocked_withholds_no_signal_from_other_threads() {
    process::count_signals();
    let (sender, is_armed) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        process::block(SIGALRM);
        let alarm = after(60 * SECOND);
        sender.send(()).expect("main listens");
        std::thread::park_timeout(LATE);
        drop(alarm);
    });
    is_armed.recv().expect("the worker is armed");
    process::kill_self(SIGALRM);
    spin_until(|| counted() == 1);
    worker.thread().unpark();
    worker.join().expect("no panic");
    assert_eq!(counted(), 1);
}

/// The drop discards the library's pending signals; later ones are the program's.
fn expire_with_sigalrm_blocked(rounds: usize) {
    for _ in 0..rounds {
        let before = counted();
        let alarm = after(MS);
        process::block(SIGALRM);
        spin(50 * MS);
        drop(alarm);
        assert!(!process::is_pending(SIGALRM), "a signal of the library's is pending");
        process::once(MS);
        spin_until(|| process::is_pending(SIGALRM));
        drop(after(SECOND));
        process::unblock(SIGALRM);
        assert_eq!(counted(), before + 1);
    }
}

/// The library's expiry repeats until a check, and the signals merge.
fn blocked_expiries_that_merge_leave_the_foreign_signal() {
    process::count_signals();
    for _ in 0..3 {
        process::once(100 * SECOND);
        expire_with_sigalrm_blocked(1);
    }
}

fn expiries_blocked_on_all_threads_leave_the_foreign_signal() {
    process::count_signals();
    process::block(SIGALRM);
    std::thread::spawn(|| std::thread::sleep(100 * SECOND));
    process::unblock(SIGALRM);
    expire_with_sigalrm_blocked(3);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        foreign_timer_is_on_time_without_checks,
        foreign_timer_is_on_time_while_a_call_blocks,
        periodic_timer_goes_on_under_a_guard,
        foreign_timer_that_is_ignored_stays_ignored,
        default_kills_a_spinning_process.dies_of(SIGALRM).takes(50 * MS),
        default_kills_a_checking_process.dies_of(SIGALRM).takes(50 * MS),
        default_kills_a_blocked_process.dies_of(SIGALRM).takes(50 * MS),
        perls_alarm_kills_a_spinning_tool.launched(perl).dies_of(SIGALRM).takes(SECOND) = spins_forever,
        perls_alarm_kills_a_checking_tool.launched(perl).dies_of(SIGALRM).takes(SECOND) = checks_forever,
        perls_alarm_kills_a_sleeping_tool.launched(perl).dies_of(SIGALRM).takes(SECOND) = sleeps_forever,
        handler_that_sets_its_timer_again_runs_each_time,
        handler_without_sa_restart_still_interrupts_calls,
        guard_with_sigalrm_blocked_withholds_no_signal_from_other_threads,
        blocked_expiries_that_merge_leave_the_foreign_signal,
        expiries_blocked_on_all_threads_leave_the_foreign_signal,
    ]
}
