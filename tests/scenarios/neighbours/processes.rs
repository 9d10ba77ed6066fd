//! Processes: stopped, replaced, PID 1, without signal memory, of bare `clone`.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::state;
use crate::support::*;
use nix::libc::{self, SIGALRM, c_int, c_void};
use nix::sys::resource::Resource;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sigalarm::{Alarm, suspended};

fn check_errs_after_a_stop_across_the_watchdog() {
    for _ in 0..3 {
        let pid = Pid::from_raw(children::fork());
        if pid.as_raw() == 0 {
            let alarm = Alarm::builder().after(500 * MS).abort_after(SECOND).arm().expect("arming");
            let timed_out = expiry(&alarm);
            children::exit_now(if timed_out.elapsed() >= 500 * MS { 0 } else { 1 });
        }
        std::thread::sleep(10 * MS);
        kill(pid, Signal::SIGSTOP).expect("a child");
        let stopped = waitpid(pid, Some(WaitPidFlag::WUNTRACED));
        assert_eq!(stopped, Ok(WaitStatus::Stopped(pid, Signal::SIGSTOP)));
        std::thread::sleep(SECOND + 700 * MS);
        kill(pid, Signal::SIGCONT).expect("a child");
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 0)));
    }
}

fn exec_with_a_pending_expiry_survives() {
    for second_thread in [false, true] {
        if second_thread {
            std::thread::spawn(|| {}).join().expect("no panic");
        }
        for block_before in [false, true] {
            let status = process::in_child(|| {
                let _outer = after(SECOND);
                let alarm = after(2 * MS);
                if block_before {
                    process::block(SIGALRM);
                }
                spin(5 * MS);
                let error = suspended(|| {
                    process::unblock(SIGALRM);
                    std::os::unix::process::CommandExt::exec(Command::new("sleep").arg("0.1"))
                });
                drop(alarm);
                panic!("{error}");
            });
            assert_eq!(status, 0, "killed: blocked {block_before}, after a thread {second_thread}");
        }
    }
}

extern "C" fn sleeps(_: *mut c_void) -> c_int {
    unsafe { libc::usleep(50_000) };
    0
}

extern "C" fn uses_guards(outer: *mut c_void) -> c_int {
    // Timer calls of the inherited guard must not reach the parent's timers.
    let alarm = unsafe { &*outer.cast::<Alarm>() };
    let _ = alarm.check();
    alarm.restart();
    for n in 0..10 {
        let own = after(US * n * 100);
        let began = Instant::now();
        while own.check().is_ok() {
            if began.elapsed() > 20 * SECOND {
                return 3;
            }
        }
    }
    0
}

fn clone(function: extern "C" fn(*mut c_void) -> c_int, flags: c_int, argument: &Alarm) -> c_int {
    const SIZE: usize = 1 << 20;
    let stack = vec![0_u8; SIZE].leak().as_mut_ptr_range().end;
    let pid = unsafe {
        let argument = std::ptr::from_ref(argument).cast_mut().cast();
        libc::clone(function, stack.cast(), flags | libc::SIGCHLD, argument)
    };
    assert!(pid > 0, "clone: {}", std::io::Error::last_os_error());
    match waitpid(Pid::from_raw(pid), None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        other => panic!("the child: {other:?}"),
    }
}

/// A thread in `vfork` handles no signal until its child executes or ends.
fn limit_in_vfork_is_late_and_seen() {
    for second_thread in [false, true] {
        if second_thread {
            std::thread::spawn(|| {}).join().expect("no panic");
        }
        let before = state();
        let alarm = after(20 * MS);
        assert_eq!(clone(sleeps, libc::CLONE_VM | libc::CLONE_VFORK, &alarm), 0);
        assert!(alarm.check().is_err(), "the first check sees it");
        drop(alarm);
        assert_eq!(state(), before);
    }
}

fn child_of_bare_clone_leaves_the_parents_timers() {
    for second_thread in [false, true] {
        if second_thread {
            std::thread::spawn(|| {}).join().expect("no panic");
        }
        let alarm = after(500 * MS);
        assert_eq!(clone(uses_guards, 0, &alarm), 0);
        assert!(alarm.check().is_ok() || alarm.elapsed() >= 500 * MS);
        expires(&alarm, 500 * MS);
    }
}

/// Checks read the clock, and functions that need the timer are refused.
fn alarms_work_without_memory_for_signals() {
    children::set_limit(Resource::RLIMIT_SIGPENDING, 0);
    let before = state();
    let with_guards = || {
        for n in 0..50 {
            let outer = after(100 * SECOND);
            let alarm = after(US * n * 50);
            expires(&alarm, US * n * 50);
            drop(alarm);
            assert!(outer.check().is_ok());
        }
        let alarm = after(60 * SECOND);
        assert!(alarm.blocking(|| Ok(())).is_err());
        assert!(alarm.sleep(MS).is_ok());
        assert!(Alarm::builder().after(SECOND).abort_after(SECOND).arm().is_err());
    };
    std::thread::scope(|s| _ = s.spawn(with_guards));
    with_guards();
    assert_eq!(state(), before);
}

fn guard_works_as_pid_1() {
    assert_eq!(std::process::id(), 1);
    for n in 0..200 {
        let alarm = after(US * n * 20);
        process::kill_self(SIGALRM);
        expires(&alarm, US * n * 20);
    }
    // The timer expires while the default action is in place.
    for n in 0..5_000 {
        let limit = Duration::from_nanos(n % 400 * 100);
        let alarm = after(limit);
        process::kill_self(SIGALRM);
        expires(&alarm, limit);
    }
}

fn pid_namespace(inner: &mut Command) -> Command {
    under("unshare", &["--pid", "--fork", "--kill-child"])(inner)
}

fn leaked_alarms_do_not_slow_checks() {
    for _ in 0..100_000 {
        std::mem::forget(after(Duration::ZERO));
    }
    let mut took: Vec<Duration> = (0..1_000)
        .map(|_| {
            let began = Instant::now();
            drop(after(SECOND));
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    println!("arm and drop beside 100,000 forgotten alarms: median {:?}", took[500]);
    assert!(took[500] < 100 * US, "{:?}", took[500]);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        check_errs_after_a_stop_across_the_watchdog,
        exec_with_a_pending_expiry_survives,
        limit_in_vfork_is_late_and_seen,
        child_of_bare_clone_leaves_the_parents_timers,
        alarms_work_without_memory_for_signals,
        leaked_alarms_do_not_slow_checks,
        guard_works_as_pid_1.launched(pid_namespace),
    ]
}
