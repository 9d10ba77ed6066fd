//! An alarm beside a profiler that uses ITIMER_PROF and SIGPROF.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::libc;
use sigalarm::Alarm;

static SAMPLES: AtomicUsize = AtomicUsize::new(0);

extern "C" fn sample(_: libc::c_int) {
    SAMPLES.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_profiler_samples_while_a_guard_is_armed() {
    let interval = libc::timeval { tv_sec: 0, tv_usec: 10_000 };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = sample as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut()), 0);
        assert_eq!(libc::setitimer(libc::ITIMER_PROF, &timer, std::ptr::null_mut()), 0);
    }
    let cpu = Duration::from_millis(300);
    let alarm = Alarm::builder().cpu_limit(cpu).arm().unwrap();
    while alarm.check().is_ok() {}
    drop(alarm);
    // 300 ms of processor time give up to 30 samples; the kernel rounds the interval up to its ticks.
    let samples = SAMPLES.load(Ordering::Relaxed);
    assert!(samples >= 5, "{samples} samples");

    let again = Alarm::builder().cpu_limit(cpu).arm().unwrap();
    while again.check().is_ok() {}
    assert!(SAMPLES.load(Ordering::Relaxed) > samples);
}
