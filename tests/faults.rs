//! System calls that fail: a clear error, and nothing left behind.

mod support;

use std::time::Duration;

use nix::libc::{self, EPERM, SA_RESTART};
use sigalarm::{Alarm, ArmError};
use support::process::{self, state};
use support::{Scenario, scenario};

const MS: Duration = Duration::from_millis(1);

fn refused(call: &str) -> ArmError {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let before = state();
    let e = Alarm::after(10 * MS).expect_err("the call is forbidden");
    assert_eq!(e.call(), Some(call));
    assert_eq!(state(), before);
    assert!(sigalarm::checkpoint().is_ok(), "nothing is armed");
    let text = e.to_string();
    assert!(text.starts_with(&format!("cannot arm the alarm: {call} failed: ")), "{text}");
    assert_eq!(std::io::Error::from(e).kind(), std::io::ErrorKind::PermissionDenied);
    Alarm::after(10 * MS).expect_err("and again")
}

fn no_setitimer() {
    process::forbid(libc::SYS_setitimer, EPERM);
    refused("setitimer");
}

fn no_sigaction() {
    process::set_action(process::counting(), SA_RESTART, &[]);
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

fn no_mask() {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let before = state();
    process::forbid(libc::SYS_rt_sigprocmask, EPERM);
    let e = Alarm::after(10 * MS).expect_err("the call is forbidden");
    assert_eq!(e.call(), Some("pthread_sigmask"));
    assert_eq!(process::timer(), before.timer);
    assert_eq!(process::action().sa_sigaction, before.handler);
    assert!(sigalarm::checkpoint().is_ok());
}

/// The kernel refuses while alarms live: they are still noticed, by the clock alone, and never early; and the
/// handler stays, for the default action would meet the last ring.
fn setitimer_fails_later() {
    let outer = Alarm::after(1_000 * MS).expect("arming");
    let alarm = Alarm::after(20 * MS).expect("arming");
    process::forbid(libc::SYS_setitimer, EPERM);
    assert!(Alarm::after(MS).is_err(), "an earlier one cannot be armed");
    while alarm.check().is_ok() {}
    assert!(alarm.elapsed() >= 20 * MS);
    alarm.restart();
    while alarm.check().is_ok() {}
    assert!(alarm.elapsed() >= 20 * MS, "a restarted one is noticed without the kernel's help");
    drop(alarm);
    drop(outer);
    let after = process::action();
    assert_ne!(after.sa_sigaction, libc::SIG_DFL);
}

/// Should the kernel refuse to say what waits, our handler stays: harmless, where the default is not.
fn sigtimedwait_fails() {
    process::forbid(libc::SYS_rt_sigtimedwait, EPERM);
    for n in 0..2_000 {
        let _alarm = Alarm::after(Duration::from_micros(n % 50)).expect("arming");
        for _ in 0..n {
            std::hint::black_box(());
        }
    }
}

fn main() {
    // Filters for the system calls are Linux's, and the numbers are the processor's.
    let all: Vec<Scenario> = vec![
        scenario("no_setitimer", no_setitimer),
        scenario("no_sigaction", no_sigaction),
        scenario("no_mask", no_mask),
        scenario("setitimer_fails_later", setitimer_fails_later),
        scenario("sigtimedwait_fails", sigtimedwait_fails),
    ];
    support::main(all);
}
