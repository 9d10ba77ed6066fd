//! Other handlers, and masks, during a wait.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::*;
use nix::libc::{self, SA_RESTART, SIGALRM, SIGUSR1};

/// Both threads have SIGALRM blocked.
fn entered_thread_blocks_until_the_deadline() {
    process::block(SIGALRM);
    let alarm = after(30 * MS);
    std::thread::scope(|s| {
        s.spawn(|| {
            process::block(SIGALRM);
            let (here, _there) = pair();
            inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
            assert!(process::mask().contains(&SIGALRM));
        });
    });
    in_time(&alarm, 30 * MS);
}

/// The alarm has no deadline. SIGALRM is blocked.
fn pending_signal_stays_pending_during_a_wait() {
    process::count_signals();
    process::block(SIGALRM);
    process::kill_self(SIGALRM);
    let alarm = never();
    for _ in 0..100 {
        assert!(alarm.sleep(MS / 100).is_ok() && alarm.blocking(|| Ok(())).is_ok());
        assert_eq!((process::counted(), process::is_pending(SIGALRM)), (0, true));
    }
    drop(alarm);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1);
}

/// A signal sent to the thread is discarded.
fn blocking_ends_when_signal_stays_blocked() {
    process::count_signals();
    let waited = AtomicUsize::new(0);
    let mut limit = 5 * MS;
    while waited.load(Ordering::SeqCst) < 20 {
        let alarm = after(limit);
        let before = waited.load(Ordering::SeqCst);
        std::thread::scope(|s| {
            s.spawn(|| {
                let _ = alarm.blocking(|| {
                    process::block(SIGALRM);
                    waited.fetch_add(1, Ordering::SeqCst);
                    expiry(&alarm);
                    std::thread::sleep(MS);
                    Ok(())
                });
            });
        });
        if waited.load(Ordering::SeqCst) == before {
            limit *= 2; // It had expired before the wait.
        }
    }
    assert_eq!(process::counted(), 0, "the library's signal was forwarded");
}

/// A signal sent to the thread stays pending, and would take the default action later.
fn handler_stays_while_a_blocked_thread_blocks_the_signal() {
    // The alarm may expire before the wait.
    let limits = (0..).map(|n| 5 * MS * (1 << n));
    limits.take(12).find(|&limit| has_blocked_sigalrm(limit)).expect("a wait");
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn has_blocked_sigalrm(limit: Duration) -> bool {
    let alarm = after(limit);
    let (shut, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|s| {
        let waits = s.spawn(|| {
            let _ = alarm.blocking(|| {
                process::block(SIGALRM);
                shut.store(true, Ordering::SeqCst);
                while !done.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                process::unblock(SIGALRM);
                Ok(())
            });
        });
        while !shut.load(Ordering::SeqCst) {
            if waits.is_finished() {
                return;
            }
            std::thread::yield_now();
        }
        expiry(&alarm);
        sigalarm::suspended(|| {
            done.store(true, Ordering::SeqCst);
            std::thread::sleep(20 * MS);
        });
    });
    shut.into_inner()
}

/// During a wait the library's handler is installed, and afterwards the other one again. Signals in between go to the
/// other handler.
fn wait_ends_under_a_handler_with_sa_restart(forwards: bool) {
    static LIBRARY: AtomicUsize = AtomicUsize::new(0);
    static SENT: AtomicUsize = AtomicUsize::new(0);
    static EXPIRIES: AtomicUsize = AtomicUsize::new(0);
    #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The kernel's own pointers.
    extern "C" fn outer_handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let sent = unsafe { (*info).si_code } == libc::SI_USER;
        if sent { &SENT } else { &EXPIRIES }.fetch_add(1, Ordering::SeqCst);
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        match LIBRARY.load(Ordering::SeqCst) {
            0 => {}
            // signal-hook forwards in this way.
            library => unsafe { std::mem::transmute::<usize, Handler>(library)(signal, info, context) },
        }
    }
    let handler = outer_handler as extern "C" fn(_, _, _) as usize;
    let _outer = after(100 * SECOND);
    if forwards {
        LIBRARY.store(process::action().sa_sigaction, Ordering::SeqCst);
    }
    process::set_action(handler, SA_RESTART | libc::SA_SIGINFO, &[SIGUSR1]);
    let before = process::state();
    for on_a_worker in [false, true] {
        let alarm = after(30 * MS);
        let (here, _there) = pair();
        let wait = || _ = inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
        if on_a_worker {
            std::thread::scope(|s| s.spawn(wait).join().map(drop)).expect("it does not panic");
        } else {
            wait();
        }
        in_time(&alarm, 30 * MS);
        drop(alarm);
        let alarm = after(60 * SECOND);
        let calls_before = SENT.load(Ordering::SeqCst);
        let sent = alarm.blocking(|| {
            process::kill_self(SIGALRM);
            Ok(())
        });
        sent.expect("at once");
        children::soon("a call of the handler", || SENT.load(Ordering::SeqCst) == calls_before + 1);
        drop(alarm);
        process::kill_self(SIGALRM);
        assert_eq!(SENT.load(Ordering::SeqCst), calls_before + 2, "once each");
        let after = process::state();
        assert_eq!(after, process::State { timer: after.timer, ..before.clone() });
    }
    let expiries_before = EXPIRIES.load(Ordering::SeqCst);
    let alarm = after(MS);
    children::soon("signals go to the program's handler again", || {
        EXPIRIES.load(Ordering::SeqCst) > expiries_before
    });
    drop(alarm);
    drop(_outer);
    assert_eq!(process::action().sa_sigaction, handler);
}

/// The default action below the library's handler would end the process.
fn signals_during_the_exchange_of_handlers_reach_the_outer_one() {
    let _outer = after(100 * SECOND);
    process::count_signals();
    let over = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                process::kill_self(SIGALRM);
            }
        });
        let alarm = after(90 * SECOND);
        // The number of signals depends on the load.
        for waits in 0_u32.. {
            if waits >= 20_000 && process::counted() > 1_000 {
                break;
            }
            alarm.blocking(|| Ok(())).expect("at once");
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(process::action().sa_sigaction, process::counting());
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        entered_thread_blocks_until_the_deadline,
        pending_signal_stays_pending_during_a_wait,
        wait_ends_under_a_handler_with_sa_restart = || wait_ends_under_a_handler_with_sa_restart(false),
        wait_ends_under_a_handler_that_forwards = || wait_ends_under_a_handler_with_sa_restart(true),
        signals_during_the_exchange_of_handlers_reach_the_outer_one,
        blocking_ends_when_signal_stays_blocked,
        handler_stays_while_a_blocked_thread_blocks_the_signal,
    ]
}
