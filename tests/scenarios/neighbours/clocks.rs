//! A clock that disagrees with the timers, by libfaketime. A limit may be late; the process lives.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc;

fn kernel_clock() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let read = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, &mut time) };
    assert_eq!(read, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn within_a_second(mut check: impl FnMut() -> bool) {
    let began = kernel_clock();
    while check() && kernel_clock() - began < SECOND {}
}

fn arms_checks_and_drops() {
    let speed: f64 = std::env::var("SIGALARM_TEST_SPEED").expect("set").parse().expect("a number");
    let (began, shown) = (kernel_clock(), Instant::now());
    while kernel_clock() - began < 500 * MS {}
    let ratio = shown.elapsed().as_secs_f64() / (kernel_clock() - began).as_secs_f64();
    assert!((ratio - speed).abs() < 0.3 * speed.max(0.01), "the clock runs at {ratio}, not {speed}");

    let alarm = after(200 * MS);
    within_a_second(|| alarm.check().is_ok());
    assert!(alarm.check().is_ok() || alarm.elapsed() >= 200 * MS);
    drop(alarm);
    for n in 0..20 {
        let outer = after(200 * MS);
        let inner = after(MS * n);
        let began = kernel_clock();
        while inner.check().is_ok() && kernel_clock() - began < 50 * MS {}
        drop(inner);
        let _ = outer.check();
    }
    // Beside a second thread every timer is private.
    std::thread::scope(|s| {
        s.spawn(|| {
            let alarm = after(20 * MS);
            within_a_second(|| alarm.check().is_ok());
        });
        let alarm = after(10 * MS);
        within_a_second(|| alarm.check().is_ok());
    });
}

fn faketime(time: &'static str, speed: &'static str) -> impl Fn(&mut Command) -> Command {
    const LIBRARIES: [&str; 3] = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/faketime/libfaketimeMT.so.1",
    ];
    move |inner| {
        let Some(library) = LIBRARIES.iter().find(|library| Path::new(library).is_file()) else {
            return skipped("no libfaketime on this machine");
        };
        let mut outer = Command::new(inner.get_program());
        outer.env("LD_PRELOAD", library).env("FAKETIME", time).env("SIGALARM_TEST_SPEED", speed);
        rebuilt(inner, outer)
    }
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        frozen.launched(faketime("2020-01-01 00:00:00", "0")) = arms_checks_and_drops,
        half_as_fast.launched(faketime("+0 x0.5", "0.5")) = arms_checks_and_drops,
        a_little_slower.launched(faketime("+0 x0.9", "0.9")) = arms_checks_and_drops,
        ten_times_as_fast.launched(faketime("+0 x10", "10")) = arms_checks_and_drops,
        a_tenth_as_fast.launched(faketime("+0 x0.1", "0.1")) = arms_checks_and_drops,
    ]
}
