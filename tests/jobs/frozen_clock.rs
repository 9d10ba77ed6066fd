//! Jobs under a frozen clock, as libfaketime can make one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::children::{leaving_nothing, signal};
use crate::support::{Scenario, scenario};
use nix::libc;
use sigalarm::process::{self, Job};

const LIMIT: Duration = Duration::from_millis(50);

static FROZEN: AtomicBool = AtomicBool::new(false);

/// Replaces the C library's function, as a preloaded library does.
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    unsafe {
        if FROZEN.load(Ordering::Relaxed) && clock == libc::CLOCK_MONOTONIC {
            *time = libc::timespec { tv_sec: 1_000, tv_nsec: 0 };
            return 0;
        }
        libc::syscall(libc::SYS_clock_gettime, clock, time) as libc::c_int
    }
}

fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

fn is_frozen() -> bool {
    FROZEN.store(true, Ordering::Relaxed);
    let before = Instant::now();
    for _ in 0..1_000_000 {
        std::hint::spin_loop();
    }
    Instant::now() == before
}

fn limits_follow_the_kernel_under_a_frozen_clock() {
    assert!(is_frozen());
    leaving_nothing(|| {
        let limited = || Job::builder().limit(LIMIT).grace(LIMIT);
        let timed_out = limited().run(spin).unwrap_err().timed_out().unwrap().clone();
        assert!(timed_out.elapsed() >= 2 * LIMIT);
        let stubborn = || {
            signal(libc::SIGTERM, libc::SIG_IGN);
            spin()
        };
        assert!(limited().run(stubborn).unwrap_err().timed_out().is_some());

        let job = Job::spawn(spin).unwrap();
        assert!(job.join_timeout(LIMIT).unwrap_err().timed_out().unwrap().elapsed() >= LIMIT);
        assert!(process::wait_any([&job], LIMIT).unwrap_err().timed_out().is_some());
    });
}

pub fn scenarios() -> Vec<Scenario> {
    vec![scenario(
        "limits_follow_the_kernel_under_a_frozen_clock",
        limits_follow_the_kernel_under_a_frozen_clock,
    )]
}
