//! The sanitizer detects what the handler must not do: allocate, lock, block.
//!
//! For a build under RealtimeSanitizer, see `.ci/parts/sanitizers`. The library's handler is declared nonblocking
//! there. A previous handler runs inside it, so here it stands in for a faulty one.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls, from a handler.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use crate::support::*;
use nix::libc;
use sigalarm::Alarm;

static LOCK: Mutex<u64> = Mutex::new(0);

extern "C" fn idle(_: libc::c_int) {}

extern "C" fn allocate(_: libc::c_int) {
    black_box(Box::new(black_box(1)));
}

extern "C" fn free(_: libc::c_int) {
    drop(black_box(LEFT.lock().map(|mut left| left.take())));
}
static LEFT: Mutex<Option<Box<u64>>> = Mutex::new(None);

extern "C" fn wait(_: libc::c_int) {
    unsafe { libc::usleep(1) };
}

extern "C" fn print(_: libc::c_int) {
    eprintln!("a word");
}

/// Takes the library's own lock, uncontended and so without a system call.
extern "C" fn check(_: libc::c_int) {
    let _ = sigalarm::checkpoint();
}

extern "C" fn contend(_: libc::c_int) {
    // The standard library's uncontended lock is not detected, so it is no scenario.
    drop(LOCK.lock());
}

fn forward_to(function: extern "C" fn(libc::c_int)) {
    process::widen_signal_stack();
    *LEFT.lock().expect("not poisoned") = Some(Box::new(1));
    process::set_action(function as usize, 0, &[]);
    let alarm = after(Duration::from_secs(60));
    process::kill_self(libc::SIGALRM);
    drop(alarm);
}

fn noticed(name: &'static str, run: fn(), call: &'static str) -> Scenario {
    scenario(name, run).judged(move |outcome| {
        let seen = outcome.stderr.contains("RealtimeSanitizer") && outcome.stderr.contains(call);
        match outcome.status.code() {
            Some(43) if seen => Ok(()),
            _ => Err(format!("expected RealtimeSanitizer to notice `{call}`")),
        }
    })
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("nonblocking_handler_passes", || forward_to(idle)),
        scenario("uncontended_std_lock_is_not_detected", || forward_to(contend)),
        noticed("allocating", || forward_to(allocate), "`malloc`"),
        noticed("freeing", || forward_to(free), "`free`"),
        noticed("waiting", || forward_to(wait), "`usleep`"),
        noticed("printing", || forward_to(print), "`write`"),
        noticed("locking", || forward_to(check), "lock"),
    ]
}
