//! Failing system calls: a clear error, and everything restored.

use crate::support::process::{State, state};
use crate::support::*;
use nix::libc::{self, EPERM};
use sigalarm::Alarm;

/// An alarm expires, and leaves the state as it was.
fn lives() -> State {
    let before = state();
    let alarm = after(10 * MS);
    expires(&alarm, 10 * MS);
    drop(alarm);
    assert_eq!(state(), before);
    before
}

fn refused_setitimer_falls_back_to_a_private_timer() {
    process::forbid(libc::SYS_setitimer, EPERM);
    lives();
    let alarm = after(10 * MS);
    let e = alarm.blocking(|| {
        std::thread::sleep(20 * MS);
        Err::<(), _>(std::io::ErrorKind::Interrupted.into())
    });
    assert_eq!(e.expect_err("over").kind(), std::io::ErrorKind::TimedOut);
}

fn refused_timers_leave_checks_by_the_clock() {
    process::forbid(libc::SYS_timer_create, EPERM);
    process::forbid(libc::SYS_setitimer, EPERM);
    process::count_signals();
    let before = lives();
    let long = after(60_000 * MS);
    let e = long.blocking(|| Ok(())).expect_err("no timer can interrupt it");
    assert_eq!(e.kind(), std::io::ErrorKind::Unsupported);
    let e = Alarm::builder().after(MS).abort_after(MS).arm().expect_err("no timer for it");
    assert_eq!(e.call(), Some("timer_create"));
    let alarm = after(10 * MS);
    assert!(alarm.sleep(60_000 * MS).is_err(), "a sleep has a timeout of its own");
    drop((alarm, long));
    assert_eq!(state(), before);
}

fn refused_sigaction_is_an_error() {
    process::count_signals();
    let before = state();
    process::forbid(libc::SYS_rt_sigaction, EPERM);
    let e = Alarm::after(10 * MS).expect_err("the call is forbidden");
    assert_eq!(e.call(), Some("sigaction"));
    assert_eq!(process::timer(), before.timer);
    assert_eq!(process::mask(), before.mask);
    assert!(sigalarm::checkpoint().is_ok());
    process::kill_self(libc::SIGALRM);
    assert_eq!(process::counted(), 1, "the program's handler is where it was");
}

fn refused_mask_call_is_an_error() {
    process::count_signals();
    let before = state();
    process::forbid(libc::SYS_rt_sigprocmask, EPERM);
    let e = Alarm::after(10 * MS).expect_err("the call is forbidden");
    assert_eq!(e.call(), Some("pthread_sigmask"));
    assert_eq!(process::timer(), before.timer);
    assert_eq!(process::action().sa_sigaction, before.handler);
    assert!(sigalarm::checkpoint().is_ok());
}

/// The handler stays, since the last signal would take the default action.
fn setitimer_that_fails_later_leaves_checks_by_the_clock() {
    let outer = after(1_000 * MS);
    let alarm = after(20 * MS);
    process::forbid(libc::SYS_setitimer, EPERM);
    let earlier = after(MS);
    expiry(&earlier);
    drop(earlier);
    expires(&alarm, 20 * MS);
    alarm.restart();
    expiry(&alarm);
    assert!(alarm.elapsed() >= 20 * MS, "a restarted one is noticed without the kernel's help");
    drop(alarm);
    drop(outer);
    let after = process::action();
    assert_ne!(after.sa_sigaction, libc::SIG_DFL);
}

pub fn scenarios() -> Vec<Scenario> {
    // Seccomp is Linux's, and syscall numbers depend on the processor.
    scenarios![
        refused_setitimer_falls_back_to_a_private_timer,
        refused_timers_leave_checks_by_the_clock,
        refused_sigaction_is_an_error,
        refused_mask_call_is_an_error,
        setitimer_that_fails_later_leaves_checks_by_the_clock,
    ]
}
