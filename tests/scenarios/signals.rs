//! Foreign SIGALRMs, storms of signals, and state that a handler must not change.

use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{
    self, SA_NODEFER, SA_ONSTACK, SA_RESETHAND, SA_RESTART, SA_SIGINFO, SIG_IGN, SIGALRM, SIGUSR1,
};
use nix::sys::signal::{SigSet, Signal};
use sigalarm::Alarm;

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
    while alarm.check().is_ok() {}
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
    while alarm.check().is_ok() {}
    assert!(alarm.elapsed() >= 2 * SECOND);
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
                while alarm.check().is_ok() {}
                assert!(alarm.elapsed() >= limit);
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

static SEEN_BLOCKED: AtomicBool = AtomicBool::new(false);
static SEEN_OPEN: AtomicBool = AtomicBool::new(false);

extern "C" fn look_at_mask(_: libc::c_int) {
    let mask = process::mask();
    SEEN_BLOCKED.store(mask.contains(&SIGUSR1), Ordering::SeqCst);
    SEEN_OPEN.store(!mask.contains(&SIGALRM), Ordering::SeqCst);
}

fn handler_runs_under_its_own_mask() {
    let function = process::handler(look_at_mask);
    process::set_action(function, SA_NODEFER, &[SIGUSR1]);
    let before = process::mask();
    let alarm = after(SECOND);
    process::kill_self(SIGALRM);
    assert!(SEEN_BLOCKED.load(Ordering::SeqCst) && SEEN_OPEN.load(Ordering::SeqCst));
    process::set_action(function, SA_NODEFER, &[SIGUSR1]);
    drop(alarm);
    assert_eq!(process::mask(), before);
}

fn errno_is_unchanged_by_an_expiry() {
    let alarm = after(100 * Duration::from_micros(1));
    let began = Instant::now();
    nix::errno::Errno::ESRCH.set();
    while began.elapsed() < 20 * MS {
        assert_eq!(nix::errno::Errno::last(), nix::errno::Errno::ESRCH);
    }
    assert!(alarm.check().is_err());
}

static ON_STACK: AtomicBool = AtomicBool::new(false);
const STACK: usize = 64 * 1024;
static mut ALTERNATE: [u8; STACK] = [0; STACK];

extern "C" fn where_am_i(_: libc::c_int) {
    let local = 0_u8;
    let here = &raw const local as usize;
    let stack = &raw const ALTERNATE as usize;
    ON_STACK.store((stack..stack + STACK).contains(&here), Ordering::SeqCst);
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare call, with pointers to statics.
fn use_an_alternate_stack() {
    let stack = libc::stack_t { ss_sp: (&raw mut ALTERNATE).cast(), ss_flags: 0, ss_size: STACK };
    assert_eq!(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) }, 0);
}

fn previous_handler_runs_on_its_own_stack() {
    use_an_alternate_stack();
    for (flags, on_stack) in
        [(SA_ONSTACK, true), (0, false), (SA_ONSTACK | SA_RESTART, true), (SA_RESTART, false)]
    {
        process::set_action(process::handler(where_am_i), flags, &[]);
        let alarm = after(SECOND);
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGALRM);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
        // The handler keeps its stack during and after a wait.
        let _ = alarm.blocking(|| {
            ON_STACK.store(!on_stack, Ordering::SeqCst);
            process::kill_self(SIGALRM);
            assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
            std::io::Result::Ok(())
        });
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGALRM);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
    }
}

/// Six library handlers nest, on a stack with space for one frame.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls, with pointers to statics and locals.
fn six_nested_handlers_fit_a_small_stack() {
    let signals = [SIGUSR1, libc::SIGUSR2, libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
    // A kernel frame, and the library's unoptimised handler.
    let size = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) as usize }.max(2_048) + 8 * 1_024;
    assert!(size < STACK);
    let stack = libc::stack_t { ss_sp: (&raw mut ALTERNATE).cast(), ss_flags: 0, ss_size: size };
    assert_eq!(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) }, 0);
    let mut builder = Alarm::builder().after(MS);
    for signal in signals {
        builder = builder.ring_on(signal);
    }
    let alarm = builder.arm().expect("arming");
    let mut all = std::mem::MaybeUninit::uninit();
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
    signals.into_iter().for_each(process::kill_self);
    let began = Instant::now();
    while began.elapsed() < 5 * MS {}
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, all.as_ptr(), std::ptr::null_mut()) };
    assert!(alarm.check().is_err());
}

fn previous_handler_of_ring_on_runs_on_its_own_stack() {
    use_an_alternate_stack();
    for (flags, on_stack) in [(SA_ONSTACK, true), (0, false)] {
        process::set_action_for(SIGUSR1, process::handler(where_am_i), flags, &[]);
        let _alarm = Alarm::builder().ring_on(SIGUSR1).arm().expect("arming");
        process::kill_self(SIGUSR1);
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGUSR1);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
    }
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

extern "C" fn spoils_errno(_: libc::c_int) {
    nix::errno::Errno::EBADF.set();
}

fn errno_survives_the_previous_handler() {
    process::set_action(process::handler(spoils_errno), SA_RESTART, &[]);
    let _alarm = after(SECOND);
    nix::errno::Errno::ESRCH.set();
    process::kill_self(SIGALRM);
    assert_eq!(nix::errno::Errno::last(), nix::errno::Errno::ESRCH);
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
        handler_over_a_guard_keeps_the_process_alive,
        handler_over_a_guard_and_previous_handler_run_once_each,
        handler_over_a_guard_runs_in_a_child,
        handler_over_a_guard_runs_for_a_foreign_timer,
        handler_over_guards_of_several_threads_survives_a_storm,
        handler_over_ring_on_prevents_the_default_action,
        handler_runs_under_its_own_mask,
        errno_is_unchanged_by_an_expiry,
        previous_handler_runs_on_its_own_stack,
        #[cfg(target_os = "linux")]
        six_nested_handlers_fit_a_small_stack,
        previous_handler_of_ring_on_runs_on_its_own_stack,
        a_storm_loses_no_expiry,
        errno_survives_the_previous_handler,
    ]
}
