//! Handlers over the library's, and under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_NODEFER, SA_RESTART, SA_SIGINFO, SIG_DFL, SIGALRM, c_int, c_void, siginfo_t};
use sigalarm::Alarm;

static OLD: AtomicUsize = AtomicUsize::new(0);
static CALLS: AtomicUsize = AtomicUsize::new(0);

fn calls() -> usize {
    CALLS.load(Ordering::SeqCst)
}

fn install_over(function: usize, flags: c_int) {
    let old = Box::leak(Box::new(process::action()));
    OLD.store(std::ptr::from_ref(old).addr(), Ordering::SeqCst);
    process::set_action(function, flags, &[]);
}

fn old() -> &'static libc::sigaction {
    unsafe { &*(OLD.load(Ordering::SeqCst) as *const libc::sigaction) }
}

/// Restores the old action, raises, and installs itself again, as CPython's `faulthandler.register(chain=True)` does.
extern "C" fn restore_and_raise(signal: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    unsafe {
        let mut own = process::action();
        libc::sigaction(signal, old(), &mut own);
        libc::raise(signal);
        libc::sigaction(signal, &own, std::ptr::null_mut());
    }
}

extern "C" fn call_old(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let old: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
        unsafe { std::mem::transmute(old().sa_sigaction) };
    old(signal, info, context);
}

/// Forwards with one argument, against the old handler's flags.
extern "C" fn call_old_with_one_argument(signal: c_int) {
    CALLS.fetch_add(1, Ordering::SeqCst);
    let old: extern "C" fn(c_int) = unsafe { std::mem::transmute(old().sa_sigaction) };
    old(signal);
}

fn over_a_guard(function: usize, flags: c_int) {
    for _ in 0..100 {
        let alarm = after(2 * MS);
        install_over(function, flags);
        expires(&alarm, 2 * MS);
        process::set_action(old().sa_sigaction, old().sa_flags, &[]);
        drop(alarm);
        assert_eq!(process::action().sa_sigaction, SIG_DFL);
    }
    // On a busy machine the limit may precede the handler.
    assert!(calls() > 0);
}

fn handler_that_restores_and_raises_runs() {
    over_a_guard(process::handler(restore_and_raise), SA_NODEFER);
}

/// The flag's signal and the watchdog's come to the handler over the library's, and again by `raise`.
fn flag_is_set_and_watchdog_ends_under_a_handler_that_restores_and_raises() {
    for n in 0..40 {
        let (limit, flag) = (100 * US + 50 * US * n, Arc::new(AtomicBool::new(false)));
        let alarm = arm(Alarm::builder().after(limit).flag(Arc::clone(&flag)));
        install_over(process::handler(restore_and_raise), SA_NODEFER);
        spin_until(|| flag.load(Ordering::SeqCst));
        assert!(alarm.elapsed() >= limit, "early");
        process::set_action(old().sa_sigaction, old().sa_flags, &[]);
    }
    let _alarm = arm(Alarm::builder().after(MS).abort_after(100 * MS));
    install_over(process::handler(restore_and_raise), SA_NODEFER);
    spin(LATE);
}

fn handler_that_forwards_one_argument_runs() {
    over_a_guard(process::handler(call_old_with_one_argument), SA_RESTART);
}

fn handler_that_outlives_the_guards_forwards() {
    process::count_signals();
    let alarm = after(2 * MS);
    install_over(process::handler_info(call_old), SA_SIGINFO | SA_RESTART);
    expires(&alarm, 2 * MS);
    drop(alarm);
    let installed = process::action().sa_sigaction;
    for n in 0..1_000 {
        process::kill_self(SIGALRM);
        assert_eq!(counted(), n + 1, "once to the handler that was there before");
        if n % 3 == 0 {
            let alarm = after(100 * US);
            expires(&alarm, 100 * US);
        }
        assert_eq!(process::action().sa_sigaction, installed, "it stays");
    }
    assert_eq!(counted(), 1_000);
}

/// A signal sent to the thread is pending again after the drop, even if the thread's timer expired meanwhile.
fn signal_raised_while_blocked_stays_pending() {
    process::count_signals();
    process::block(SIGALRM);
    for n in rounds(3_000).map(|n| n as u32) {
        // Under the guard, a signal to the thread may merge with its timer's.
        let to_thread = n % 4 > 0;
        if to_thread {
            children::raise(SIGALRM);
        }
        let alarm = after(US * (n % 40));
        if !to_thread {
            spin(US * (n % 47));
            process::kill_self(SIGALRM);
        }
        if n % 3 == 0 {
            let again = after(5 * US);
            let _ = alarm.sleep(10 * US);
            let _ = again.blocking(|| {
                spin(10 * US);
                Ok(())
            });
        }
        drop(alarm);
        assert!(process::is_pending(SIGALRM), "signal {n} is lost");
        assert_eq!(counted(), n as usize);
        process::unblock(SIGALRM);
        assert_eq!(counted(), n as usize + 1, "signal {n} is lost, or came twice");
        process::block(SIGALRM);
    }
}

fn on_a_second_thread(run: fn()) {
    std::thread::scope(|s| _ = s.spawn(run));
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        handler_that_restores_and_raises_runs,
        flag_is_set_and_watchdog_ends_under_a_handler_that_restores_and_raises.exits_with(124),
        handler_that_restores_and_raises_runs_on_a_second_thread =
            || on_a_second_thread(handler_that_restores_and_raises_runs),
        handler_that_forwards_one_argument_runs,
        handler_that_forwards_one_argument_runs_on_a_second_thread =
            || on_a_second_thread(handler_that_forwards_one_argument_runs),
        handler_that_outlives_the_guards_forwards,
        signal_raised_while_blocked_stays_pending,
    ]
}
