//! Waits of one thread under the alarm of another, and in shields and suspensions.

use std::io::Read;
use std::mem;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{self, SA_RESTART, SIGALRM, SIGCHLD, SIGUSR1};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use sigalarm::{Alarm, Cause, Ticker, TimedOut, checkpoint, shielded, suspended};

/// Another thread sleeps under an alarm of this thread, which makes no check. The sleep ends at the deadline.
fn sleep_of_another_thread_ends(alarm: Alarm, limit: Duration) {
    thread::scope(|s| {
        let sleep = || alarm.sleep(LATE).expect_err("the alarm expires").elapsed() >= limit;
        assert!(s.spawn(sleep).join().expect("no panic"), "early");
    });
}

fn sleep_under_an_outer_alarm_of_another_thread_ends() {
    let outer = after(100 * MS);
    let _inner = after(40 * MS);
    sleep_of_another_thread_ends(outer, 100 * MS);
}

fn sleep_under_a_check_limit_of_another_thread_ends() {
    sleep_of_another_thread_ends(arm(Alarm::builder().after(100 * MS).check_limit(u64::MAX - 1)), 100 * MS);
}

fn sleep_under_a_processor_limit_of_another_thread_ends() {
    sleep_of_another_thread_ends(arm(Alarm::builder().after(100 * MS).thread_cpu_limit(5 * MS)), 100 * MS);
}

fn sleep_beside_a_ticker_of_another_thread_ends() {
    let ticker = Ticker::every(10 * MS).expect("arming");
    sleep_of_another_thread_ends(after(100 * MS), 100 * MS);
    assert!(ticker.ticks() >= 9);
}

fn blocking_ends_if_the_deadline_passed_in_a_shield() {
    for rung in [false, true] {
        let alarm = if rung { Alarm::never().expect("arming") } else { after(30 * MS) };
        let handle = alarm.handle();
        let ringer = thread::spawn(move || {
            thread::sleep(30 * MS);
            rung && handle.ring()
        });
        let (mut here, _there) = UnixStream::pair().expect("a pair");
        let ended = alarm.blocking(|| {
            shielded(|| thread::sleep(100 * MS));
            here.read(&mut [0])
        });
        assert!(ended.is_err());
        assert_eq!(ringer.join().expect("no panic"), rung);
    }
}

/// Three threads: a call of `blocking` inside another, each under an alarm of another thread. The inner alarm ends the inner
/// call, then the outer alarm ends the outer call.
fn blocking_inside_blocking_ends_under_either_alarm() {
    let has_inner_ended = AtomicBool::new(false);
    let nested = |outer: &Alarm, inner: &Alarm| {
        let (mut here, _there) = UnixStream::pair().expect("a pair");
        let ended = outer.blocking(|| {
            if !has_inner_ended.load(Ordering::SeqCst) {
                assert!(inner.blocking(|| here.read(&mut [0])).is_err() && inner.elapsed() >= 30 * MS);
                assert!(outer.check().is_ok(), "only the outer alarm ended the inner call");
                has_inner_ended.store(true, Ordering::SeqCst);
            }
            here.read(&mut [0])
        });
        assert_eq!(TimedOut::find_in(&ended.expect_err("rung")).map(TimedOut::cause), Some(Cause::Rung));
    };
    let outer = after(LATE);
    let owner_of_inner = || {
        let inner = after(30 * MS);
        thread::scope(|s| s.spawn(|| nested(&outer, &inner)).join()).expect("no panic");
    };
    thread::scope(|s| {
        let owner = s.spawn(owner_of_inner);
        while !has_inner_ended.load(Ordering::SeqCst) && !owner.is_finished() {
            thread::sleep(10 * MS);
        }
        outer.ring();
        owner.join().expect("no panic");
    });
}

fn child_forked_in_a_suspension_can_arm() {
    let pid = suspended(children::fork);
    if pid == 0 {
        let began = Instant::now();
        let alarm = after(30 * MS);
        assert_ne!(process::action().sa_sigaction, libc::SIG_DFL, "no handler");
        let (mut here, _there) = UnixStream::pair().expect("a pair");
        assert!(alarm.blocking(|| here.read(&mut [0])).is_err() && began.elapsed() >= 30 * MS);
        children::exit_now(0);
    }
    assert_eq!(waitpid(Pid::from_raw(pid), None), Ok(WaitStatus::Exited(Pid::from_raw(pid), 0)));
}

fn signal_restarts_calls_after_a_wait_that_ended_in_a_suspension() {
    let alarm = arm(Alarm::builder().after(60 * SECOND).ring_on(SIGUSR1));
    let before = process::action_for(SIGUSR1).sa_flags & SA_RESTART;
    thread::scope(|s| {
        let (mut here, mut there) = UnixStream::pair().expect("a pair");
        let alarm = &alarm;
        let reader = s.spawn(move || alarm.blocking(|| here.read(&mut [0])).expect("a byte"));
        thread::sleep(30 * MS);
        suspended(|| {
            std::io::Write::write_all(&mut there, b"x").expect("writing");
            reader.join().expect("no panic");
        });
    });
    assert_eq!(process::action_for(SIGUSR1).sa_flags & SA_RESTART, before);
}

fn ended_children_do_not_become_zombies_under_ring_on() {
    process::set_action_for(SIGCHLD, libc::SIG_DFL, libc::SA_NOCLDWAIT, &[]);
    let _alarm = arm(Alarm::builder().ring_on(SIGCHLD));
    let pid = children::fork();
    if pid == 0 {
        children::exit_now(0);
    }
    children::soon("the end of the child", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

/// A later thread may get the handle of an ended one.
fn guard_that_an_ended_thread_forgot_changes_no_later_thread() {
    process::set_action(process::counting(), SA_RESTART, &[]);
    let forgets = || {
        process::block(SIGALRM);
        mem::forget(after(3_600 * SECOND));
    };
    thread::spawn(forgets).join().expect("no panic");
    let later = thread::spawn(|| {
        process::unblock(SIGALRM);
        let alarm = after(60 * MS);
        children::raise(SIGALRM);
        assert!(!process::mask().contains(&SIGALRM), "the handler has blocked SIGALRM");
        let (mut here, _there) = UnixStream::pair().expect("a pair");
        assert!(alarm.blocking(|| here.read(&mut [0])).is_err());
    });
    later.join().expect("no panic");
}

/// The destructor of a later pthread key runs after the library's own.
fn guard_dropped_by_a_later_destructor_restores_the_process() {
    extern "C" fn drop_guard(guard: *mut libc::c_void) {
        // SAFETY: the pointer is from `Box::into_raw`.
        #[allow(unsafe_code)]
        drop(unsafe { Box::from_raw(guard.cast::<Alarm>()) });
    }
    let before = process::action().sa_sigaction;
    drop(after(MS)); // creates the library's key
    let mut key = 0;
    // SAFETY: the pointer is valid, and the destructor takes what the thread below stores.
    #[allow(unsafe_code)]
    unsafe {
        assert_eq!(libc::pthread_key_create(&mut key, Some(drop_guard)), 0);
    }
    let with_guard = move || {
        let guard = Box::into_raw(Box::new(after(60 * SECOND)));
        // SAFETY: the key exists.
        #[allow(unsafe_code)]
        unsafe {
            libc::pthread_setspecific(key, guard.cast());
        }
    };
    thread::spawn(with_guard).join().expect("no panic");
    assert_eq!(process::action().sa_sigaction, before);
    let _alarm = Alarm::never().expect("arming");
    checkpoint().expect("no limit");
    assert_eq!(sigalarm_core::implementer::flag().bits(), 0, "every check takes the slow path");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        sleep_under_an_outer_alarm_of_another_thread_ends,
        sleep_under_a_check_limit_of_another_thread_ends,
        sleep_under_a_processor_limit_of_another_thread_ends,
        sleep_beside_a_ticker_of_another_thread_ends,
        blocking_ends_if_the_deadline_passed_in_a_shield,
        blocking_inside_blocking_ends_under_either_alarm,
        child_forked_in_a_suspension_can_arm,
        signal_restarts_calls_after_a_wait_that_ended_in_a_suspension,
        #[cfg(target_os = "linux")]
        ended_children_do_not_become_zombies_under_ring_on,
        guard_that_an_ended_thread_forgot_changes_no_later_thread,
        guard_dropped_by_a_later_destructor_restores_the_process,
    ]
}
