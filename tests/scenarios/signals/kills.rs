//! SIGALRMs that the program or another process sends.

use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_NODEFER, SA_RESETHAND, SA_RESTART, SA_SIGINFO, SIG_IGN, SIGALRM, SIGUSR1};
use nix::sys::signal::{SigSet, Signal};

fn kill_takes_the_default_action() {
    let alarm = after(SECOND);
    process::kill_self(SIGALRM);
    drop(alarm);
    panic!("still alive");
}

fn kill_takes_the_default_action_in_a_call_that_unblocks_it() {
    static READY: AtomicBool = AtomicBool::new(false);
    let _alarm = after(10 * SECOND);
    let waits = std::thread::spawn(|| {
        process::block(SIGALRM);
        READY.store(true, Ordering::SeqCst);
        let _ = SigSet::empty().suspend();
    });
    while !READY.load(Ordering::SeqCst) {
        std::hint::spin_loop();
    }
    nix::sys::pthread::pthread_kill(waits.as_pthread_t(), Signal::SIGALRM).expect("it lives");
    waits.join().expect("it does not panic");
    panic!("still alive");
}

/// The thread's signal stack has space for one handler, so the restored handler must not run nested.
fn kill_takes_the_default_action_while_others_arm() {
    for round in rounds(300) {
        let status = process::in_child(|| {
            let sleeper = std::thread::spawn(|| std::thread::sleep(20 * SECOND));
            drop(after(SECOND));
            let sleeper = sleeper.as_pthread_t() as usize;
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_micros(200));
                loop {
                    let _ = nix::sys::pthread::pthread_kill(sleeper as libc::pthread_t, Signal::SIGALRM);
                }
            });
            let began = Instant::now();
            while began.elapsed() < 10 * SECOND {
                drop(after(SECOND));
            }
        });
        assert_eq!(status & 0x7f, SIGALRM, "round {round}: died of another signal, or not at all");
    }
}

fn kill_stays_ignored() {
    process::set_action(SIG_IGN, 0, &[]);
    let alarm = after(20 * MS);
    process::kill_self(SIGALRM);
    expiry(&alarm);
}

fn kill_reaches_the_handler() {
    process::count_signals();
    let alarm = after(60 * SECOND);
    for n in 1..=100 {
        process::kill_self(SIGALRM);
        assert_eq!(counted(), n);
        assert!(alarm.check().is_ok());
    }
}

fn kill_reaches_the_handler_with_its_siginfo() {
    process::set_action(process::counting_info(), SA_SIGINFO, &[]);
    let _alarm = after(SECOND);
    process::kill_self(SIGALRM);
    assert_eq!(counted(), 1);
    assert_eq!(process::LAST_CODE.load(Ordering::SeqCst), libc::SI_USER);
}

/// SA_RESETHAND: the next signal takes the default action, with or without the library.
fn one_shot_handler_runs_once() {
    process::set_action(process::counting(), SA_RESETHAND, &[]);
    let alarm = after(SECOND);
    process::kill_self(SIGALRM);
    assert_eq!(counted(), 1);
    drop(alarm);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL, "it has had its one");
    let _alarm = after(SECOND);
    process::kill_self(SIGALRM);
    panic!("still alive");
}

extern "C" fn send_on(_: libc::c_int) {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    assert_eq!(TIMES.fetch_add(1, Ordering::SeqCst), 0, "called again");
    process::kill_self(SIGALRM);
}

fn one_shot_handler_that_raises_again_ends_the_process() {
    let function = process::handler(send_on);
    process::set_action(function, SA_RESETHAND | SA_NODEFER, &[]);
    let _alarm = after(SECOND);
    process::kill_self(SIGALRM);
    panic!("still alive");
}

/// Another process sends SIGALRM and SIGUSR1 at full speed. errno is unchanged.
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Two bare calls.
fn a_storm_loses_no_expiry() {
    process::count_signals();
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = process::counting();
        action.sa_flags = SA_RESTART;
        assert_eq!(libc::sigaction(SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let before = process::state();
    let storm = unsafe { libc::fork() };
    if storm == 0 {
        process::die_with_parent();
        for n in 0_u64.. {
            let signal = if n % 2 == 0 { SIGALRM } else { SIGUSR1 };
            unsafe { libc::kill(libc::getppid(), signal) };
        }
    }
    let mut rounds = 0_u64;
    while rounds < 20 || counted() < 100 {
        // errno must survive all signals between the two calls.
        nix::errno::Errno::ESRCH.set();
        for _ in 0..10_000 {
            assert_eq!(nix::errno::Errno::last(), nix::errno::Errno::ESRCH);
        }
        for n in 0..200_u64 {
            let limit = Duration::from_nanos((rounds * 31 + n * 7_919) % 20_000);
            let began = Instant::now();
            let outer = after(60 * SECOND);
            let alarm = after(limit);
            let e = loop {
                if let Err(e) = alarm.check() {
                    break e;
                }
            };
            assert!(alarm.owns(&e) && began.elapsed() >= limit, "early");
            assert!(outer.check().is_ok());
        }
        rounds += 1;
    }
    unsafe {
        libc::kill(storm, libc::SIGKILL);
        libc::waitpid(storm, std::ptr::null_mut(), 0);
    }
    assert_eq!(process::state(), before);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        kill_takes_the_default_action.dies_of(SIGALRM),
        kill_takes_the_default_action_in_a_call_that_unblocks_it.dies_of(SIGALRM),
        kill_takes_the_default_action_while_others_arm,
        kill_stays_ignored,
        kill_reaches_the_handler,
        kill_reaches_the_handler_with_its_siginfo,
        one_shot_handler_runs_once.dies_of(SIGALRM),
        one_shot_handler_that_raises_again_ends_the_process.dies_of(SIGALRM),
        a_storm_loses_no_expiry,
    ]
}
