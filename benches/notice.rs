//! From the deadline to the check that notices: an alarm of 1 ms beside a bare `setitimer` whose handler sets a
//! flag, in turn. The flag is looked at without a pause, as a spinning check is.
//!
//! ```text
//! cargo bench --bench notice
//! cargo bench --bench notice -- 20000
//! ```

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare calls, with pointers to locals.

use std::mem::zeroed;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::libc;
use sigalarm::Alarm;

const LIMIT: Duration = Duration::from_millis(1);

static FLAG: AtomicBool = AtomicBool::new(false);

extern "C" fn raise_flag(_: libc::c_int) {
    FLAG.store(true, Ordering::Relaxed);
}

/// How late, in nanoseconds; negative would be early.
fn bare() -> i128 {
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = raise_flag as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        let mut old_action: libc::sigaction = zeroed();
        libc::sigaction(libc::SIGALRM, &action, &mut old_action);
        FLAG.store(false, Ordering::Relaxed);
        let mut timer: libc::itimerval = zeroed();
        timer.it_value.tv_usec = LIMIT.as_micros() as libc::suseconds_t;
        let began = Instant::now();
        libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut());
        #[allow(clippy::missing_spin_loop)] // A hint would pause; a check does not.
        while !FLAG.load(Ordering::Relaxed) {}
        let took = began.elapsed();
        libc::sigaction(libc::SIGALRM, &old_action, ptr::null_mut());
        lateness(took)
    }
}

fn ours() -> i128 {
    let began = Instant::now();
    let alarm = Alarm::after(LIMIT).expect("arming");
    while alarm.check().is_ok() {}
    lateness(began.elapsed())
}

fn lateness(took: Duration) -> i128 {
    took.as_nanos() as i128 - LIMIT.as_nanos() as i128
}

fn main() {
    let tries = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(3_000);
    let (mut bares, mut ourses) = (Vec::new(), Vec::new());
    for _ in 0..tries {
        bares.push(bare());
        ourses.push(ours());
    }
    println!("\nlateness over a limit of 1 ms, {tries} tries each, in turn");
    println!("  {:<24} {:>9} {:>9} {:>9} {:>9}", "µs", "min", "p50", "p99", "max");
    for (name, values) in [("setitimer and a flag", &mut bares), ("Alarm", &mut ourses)] {
        values.sort_unstable();
        let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize] as f64 / 1e3;
        println!("  {name:<24} {:>9.1} {:>9.1} {:>9.1} {:>9.1}", at(0.0), at(0.5), at(0.99), at(1.0));
    }
    let early = ourses.iter().filter(|late| **late < 0).count();
    println!("  early: {early}");
    assert_eq!(early, 0);
}
