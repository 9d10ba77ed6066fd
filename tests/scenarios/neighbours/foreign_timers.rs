//! The program's own timers under guards that come and go.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::{self, SA_RESTART, SA_SIGINFO};

/// A guard that expires before the program's timer, or after it, so that it takes over and restores the timer.
fn guard(n: usize) {
    let limit = if n % 5 < 2 { SECOND } else { US * (n as u32 * 7 % 150) };
    let outer = after(limit);
    if n % 3 == 0 {
        drop(after(limit / 2));
    }
    if n % 4 == 0 && limit < SECOND {
        expires(&outer, limit);
    }
}

fn delay(n: usize) -> Duration {
    let micros = if n % 50 == 0 { 2_000 } else { [5, 10, 20, 50, 100, 200, 500, 1_000][n * 5 % 13 % 8] };
    US * (micros * (80 + n as u32 % 41) / 100).max(5)
}

fn one_shot_timers() {
    let mut guards = 0;
    let mut times = 0;
    for n in rounds(2_000).map(|n| n as usize) {
        times += 1;
        process::once(delay(n));
        let began = Instant::now();
        while counted() <= n {
            guard(guards);
            guards += 1;
            assert!(began.elapsed() < LATE, "timer {n} is lost");
        }
        assert_eq!(counted(), n + 1, "timer {n} came twice");
    }
    spin(5 * MS);
    assert_eq!(counted(), times, "one came twice");
}

fn one_shot_timers_are_all_delivered() {
    process::count_signals();
    one_shot_timers();
}

fn beside_guards_of_another_thread(f: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            let mut n = 1;
            while !done.load(Ordering::Relaxed) {
                guard(n);
                n += 1;
            }
        });
        f();
        done.store(true, Ordering::Relaxed);
    });
}

fn one_shot_timers_beside_a_thread_are_all_delivered() {
    process::count_signals();
    beside_guards_of_another_thread(one_shot_timers);
}

/// Counts expiries with and without guards in turn, so that load affects both.
fn keeps_its_rate(period: Duration) {
    const SLICE: Duration = Duration::from_millis(100);
    process::count_signals();
    let (mut bare, mut guarded) = (0, 0);
    let turns = 10;
    for _ in 0..turns {
        process::set_timer(period, period);
        let (before, began) = (counted(), Instant::now());
        spin(SLICE);
        bare += counted() - before;
        let before = counted();
        let restarted = Instant::now();
        let first = began.elapsed();
        for n in 0.. {
            guard(n);
            if restarted.elapsed() >= SLICE {
                break;
            }
        }
        let came = counted() - before;
        let most = (began.elapsed() - first).as_nanos() / period.as_nanos() + 2;
        assert!(came as u128 <= most, "{came} expiries where {most} fit");
        guarded += came;
        process::disarm();
    }
    println!("period {period:?}: {bare} expiries bare, {guarded} under guards, in {:?}", SLICE * turns);
    if bare < (SLICE * turns).as_nanos() as usize / period.as_nanos() as usize / 2 {
        return println!("skipped: too busy a machine to compare rates");
    }
    assert!(guarded * 10 >= bare * 6, "{guarded} expiries under guards, {bare} without");
}

fn posix_timer_keeps_its_pointer() {
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    static WRONG: AtomicUsize = AtomicUsize::new(0);
    static VALUE: u64 = 7;
    extern "C" fn see(_: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        const SI_TIMER: i32 = -2;
        let (code, value) = unsafe { ((*info).si_code, (*info).si_value().sival_ptr) };
        let is_right = code == SI_TIMER && value.addr() == &raw const VALUE as usize;
        if is_right { &SEEN } else { &WRONG }.fetch_add(1, Ordering::SeqCst);
    }
    process::set_action(process::handler_info(see), SA_SIGINFO | SA_RESTART, &[]);
    let mut timer: libc::timer_t = std::ptr::null_mut();
    let mut event: libc::sigevent = unsafe { std::mem::zeroed() };
    event.sigev_notify = libc::SIGEV_SIGNAL;
    event.sigev_signo = libc::SIGALRM;
    event.sigev_value.sival_ptr = (&raw const VALUE).cast_mut().cast();
    assert_eq!(unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) }, 0);
    let mut guards = 0;
    let mut times = 0;
    for n in rounds(2_000).map(|n| n as usize) {
        times += 1;
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let value = libc::timespec { tv_sec: 0, tv_nsec: 2_000 + n as i64 % 100 * 1_000 };
        let new = libc::itimerspec { it_interval: zero, it_value: value };
        assert_eq!(unsafe { libc::timer_settime(timer, 0, &new, std::ptr::null_mut()) }, 0);
        let began = Instant::now();
        while SEEN.load(Ordering::SeqCst) <= n {
            guard(guards);
            guards += 1;
            assert!(began.elapsed() < LATE, "signal {n} is lost, or has lost its value");
        }
    }
    let seen = (SEEN.load(Ordering::SeqCst), WRONG.load(Ordering::SeqCst));
    assert_eq!(seen, (times, 0), "signals with their value, and others");
}

/// `old = alarm(1); …; alarm(old)` restores the guard's own time.
fn alarm_saved_and_restored_does_not_kill() {
    for n in 0..10 {
        let alarm = after(30 * MS);
        let old = unsafe { libc::alarm(1) };
        spin(5 * MS);
        unsafe { libc::alarm(old) };
        if n > 0 {
            expires(&after(10 * MS), 10 * MS);
        }
        expires(&alarm, 30 * MS);
    }
    spin(SECOND + 200 * MS);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        one_shot_timers_are_all_delivered,
        one_shot_timers_beside_a_thread_are_all_delivered,
        periodic_1ms_keeps_its_rate = || keeps_its_rate(MS),
        periodic_200us_keeps_its_rate = || keeps_its_rate(200 * US),
        posix_timer_keeps_its_pointer,
        alarm_saved_and_restored_does_not_kill,
    ]
}
