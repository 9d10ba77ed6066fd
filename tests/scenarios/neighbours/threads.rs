//! Threads that block, end, block SIGALRM or send it.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SIGALRM};
use sigalarm::{Alarm, checkpoint};

/// Measures 256 threads that wait in three ways, a third of them without the library.
fn many_waiting_threads_wake_on_time() {
    let (left, _right) = pair();
    let started = std::sync::Barrier::new(256 + 128);
    let wait = |n: u32| {
        let limit = 500 * MS + MS * (n * 389 % 1_000);
        started.wait();
        let began = Instant::now();
        match n % 3 {
            0 => std::thread::sleep(limit),
            1 => {
                let alarm = after(limit);
                let read = alarm.blocking(|| {
                    let mut byte = [0_u8];
                    match unsafe { libc::read(left.as_raw_fd(), byte.as_mut_ptr().cast(), 1) } {
                        -1 => Err(io::Error::last_os_error()),
                        n => Ok(n),
                    }
                });
                assert_eq!(read.expect_err("a limit").kind(), io::ErrorKind::TimedOut);
            }
            _ => assert!(after(limit).sleep(100 * SECOND).is_err()),
        }
        let took = began.elapsed();
        assert!(took >= limit, "early");
        took - limit
    };
    let mut late: [Vec<Duration>; 3] = Default::default();
    std::thread::scope(|s| {
        let threads: Vec<_> = (0..384).map(|n| (n, s.spawn(move || wait(n)))).collect();
        for (n, thread) in threads {
            late[n as usize % 3].push(thread.join().expect("no panic"));
        }
    });
    late.iter_mut().for_each(|late| late.sort_unstable());
    let figures = |late: &[Duration]| (late[late.len() / 2], late[late.len() - 1]);
    let [bare, read, sleep] = [0, 1, 2].map(|way: usize| figures(&late[way]));
    for (name, (median, worst)) in [("thread::sleep", bare), ("blocking(read)", read), ("sleep", sleep)] {
        println!("late: {name:<15} median {median:?}, worst {worst:?}");
    }
    for (median, worst) in [read, sleep] {
        assert!(median <= bare.0 + SECOND && worst <= bare.1 + 3 * SECOND, "{late:?}");
    }
}

fn thread_that_ends_with_leaked_guards_disturbs_none() {
    for _ in 0..200 {
        let alarm = std::thread::spawn(|| {
            std::mem::forget(after(300 * US));
            Box::leak(Box::new(after(2 * MS))) as &Alarm
        });
        let alarm = alarm.join().expect("no panic");
        let _entered = alarm.enter();
        let began = Instant::now();
        while checkpoint().is_ok() {
            assert!(began.elapsed() < LATE, "its limit is never seen");
        }
        let own = after(100 * US);
        expires(&own, 100 * US);
    }
}

/// `pthread_exit` is called in an `atexit` function: its unwinding may not pass Rust's main function.
fn main_thread_that_ends_with_a_guard_exits() {
    extern "C-unwind" fn end() {
        unsafe extern "C-unwind" {
            fn pthread_exit(value: *mut libc::c_void) -> !;
        }
        unsafe { pthread_exit(std::ptr::null_mut()) }
    }
    unsafe extern "C" {
        fn atexit(function: extern "C-unwind" fn()) -> libc::c_int;
    }
    std::mem::forget(after(5 * MS));
    let alarm: &'static Alarm = Box::leak(Box::new(after(20 * MS)));
    std::thread::spawn(move || {
        std::thread::sleep(10 * MS);
        for _ in 0..20 {
            let own = after(100 * US);
            expires(&own, 100 * US);
        }
        let _entered = alarm.enter();
        spin_until(|| checkpoint().is_err());
        spin_until(|| {
            let main = std::fs::read_to_string("/proc/self/stat").expect("/proc");
            main.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
        });
        children::exit_now(7);
    });
    assert_eq!(unsafe { atexit(end) }, 0);
}

fn sigwait_gets_the_programs_signal() {
    static TAKEN: AtomicUsize = AtomicUsize::new(0);
    process::count_signals();
    process::block(SIGALRM);
    std::thread::spawn(|| {
        let set = nix::sys::signal::SigSet::from_iter([nix::sys::signal::Signal::SIGALRM]);
        loop {
            set.wait().expect("sigwait");
            TAKEN.fetch_add(1, Ordering::SeqCst);
        }
    });
    for n in 0..200 {
        let limit = US * (n as u32 % 300);
        let alarm = after(limit);
        process::kill_self(SIGALRM);
        spin_until(|| TAKEN.load(Ordering::SeqCst) > n);
        expires(&alarm, limit);
        drop(alarm);
        assert_eq!(process::mask(), [SIGALRM]);
    }
    assert_eq!((TAKEN.load(Ordering::SeqCst), counted()), (200, 0));
}

/// The program's handler has run once when `raise` returns.
fn raise_beside(with_guard: bool) {
    process::count_signals();
    let done = AtomicBool::new(false);
    let (mut sent, mut later, mut twice) = (0, 0, 0);
    std::thread::scope(|s| {
        s.spawn(|| {
            let _held = with_guard.then(|| after(1_000 * SECOND));
            while !done.load(Ordering::Relaxed) {
                drop(after(SECOND));
            }
        });
        spin(5 * MS);
        let mut before = counted();
        for _ in rounds(20_000) {
            sent += 1;
            children::raise(SIGALRM);
            let now = counted();
            later += usize::from(now == before);
            twice += (now - before).saturating_sub(1);
            before = now;
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("of {sent} raised signals {later} came later and {twice} twice; {} in all", counted());
    assert_eq!((later, twice, counted()), (0, 0, sent));
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        many_waiting_threads_wake_on_time,
        thread_that_ends_with_leaked_guards_disturbs_none,
        main_thread_that_ends_with_a_guard_exits.exits_with(7),
        sigwait_gets_the_programs_signal,
        raise_beside_guards_runs_the_handler = || raise_beside(false),
        raise_under_a_guard_runs_the_handler = || raise_beside(true),
    ]
}
