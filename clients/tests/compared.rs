//! Tests what `docs/compared.md` says of other crates. One test at a time, because they observe the whole process.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Reads signal dispositions.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cancel_this::{Cancellable, is_cancelled, on_timeout};
use nix::libc;
use sigalarm::{Alarm, ArmError};
use tokio_util::sync::CancellationToken;
use wait_timeout::ChildExt;

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const LONG: Duration = Duration::from_secs(100);
const SHORT: Duration = Duration::from_millis(50);

fn handler_of(signal: libc::c_int) -> usize {
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    assert_eq!(unsafe { libc::sigaction(signal, std::ptr::null(), &mut action) }, 0);
    action.sa_sigaction
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, |tasks| tasks.count())
}

fn spin() -> Cancellable<()> {
    loop {
        is_cancelled!()?;
    }
}

#[test]
fn cancel_this_nests_and_names_the_kind_of_trigger() {
    let _alone = alone();
    let began = Instant::now();
    let of_outer: Cancellable<()> = on_timeout(SHORT, || {
        let ended: Cancellable<()> = on_timeout(LONG, spin);
        assert!(ended.is_err());
        ended
    });
    assert!(began.elapsed() < LONG);
    // The outer limit's error equals that of an inner limit.
    let of_inner: Cancellable<()> = on_timeout(LONG, || on_timeout(SHORT, spin));
    assert_eq!(of_outer, of_inner);
    assert_eq!(of_inner.unwrap_err().cause(), "CancelTimer");
}

#[test]
#[cfg(target_os = "linux")]
fn cancel_this_has_a_thread_for_each_limit_and_an_alarm_has_none() {
    let _alone = alone();
    // The harness may end a thread meanwhile, but starts none that could run.
    let before = threads();
    let _: Cancellable<()> = on_timeout(LONG, || {
        on_timeout(LONG, || {
            assert!(threads() > before, "{} and {before}", threads());
            Ok(())
        })
    });
    let before = threads();
    let _alarm = Alarm::after(LONG).unwrap();
    let _another = Alarm::after(LONG).unwrap();
    // Two threads would mean one per alarm. The harness may start one.
    assert!(threads() <= before + 1, "{} and {before}", threads());
}

#[test]
fn a_token_nests_but_has_no_deadline() {
    let _alone = alone();
    let outer = CancellationToken::new();
    let inner = outer.child_token();
    inner.cancel();
    assert!(!outer.is_cancelled());
    let inner = outer.child_token();
    outer.cancel();
    assert!(inner.is_cancelled());
}

#[test]
fn signal_hook_keeps_its_handler_and_a_guard_does_not() -> Result<(), ArmError> {
    let _alone = alone();
    let before = handler_of(libc::SIGALRM);
    let alarm = Alarm::after(LONG)?;
    assert_ne!(handler_of(libc::SIGALRM), before);
    drop(alarm);
    assert_eq!(handler_of(libc::SIGALRM), before);

    let before = handler_of(libc::SIGUSR2);
    let flag = Arc::new(AtomicBool::new(false));
    let id = signal_hook::flag::register(libc::SIGUSR2, flag.clone()).unwrap();
    signal_hook::low_level::raise(libc::SIGUSR2).unwrap();
    assert!(flag.load(Ordering::Relaxed));
    assert!(signal_hook::low_level::unregister(id));
    assert_ne!(handler_of(libc::SIGUSR2), before);
    Ok(())
}

#[test]
fn wait_timeout_keeps_a_handler_of_sigchld_and_a_wait_does_not() {
    let _alone = alone();
    let before = handler_of(libc::SIGCHLD);
    let mut child = Command::new("sleep").arg("100").spawn().unwrap();

    let alarm = Alarm::after(SHORT).unwrap();
    assert_eq!(alarm.wait(&mut child).unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    drop(alarm);
    assert_eq!(handler_of(libc::SIGCHLD), before);

    assert!(child.wait_timeout(SHORT).unwrap().is_none());
    assert_ne!(handler_of(libc::SIGCHLD), before);
    child.kill().unwrap();
    child.wait().unwrap();
}
