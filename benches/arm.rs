//! What arming and dropping cost, beside the bare system calls that they cannot do without.
//!
//! ```text
//! cargo bench --bench arm
//! ```

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare calls, with pointers to locals.

mod paired;

use std::hint::black_box;
use std::mem::zeroed;
use std::time::Duration;

use nix::libc;
use paired::Group;
use sigalarm::Alarm;

const MINUTE: Duration = Duration::from_secs(60);

extern "C" fn nothing(_: libc::c_int) {}

/// Two `setitimer`, two `sigaction`, one `pthread_sigmask`: what a guard by hand would call, if it cared to see
/// what it takes the place of and whether it is still its own when it goes.
fn bare() {
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        let mut old_action: libc::sigaction = zeroed();
        let mut alarm_only: libc::sigset_t = zeroed();
        libc::sigaddset(&mut alarm_only, libc::SIGALRM);
        let mut old_mask: libc::sigset_t = zeroed();
        let minute = libc::timeval { tv_sec: 60, tv_usec: 0 };
        let mut old: libc::itimerval = zeroed();
        let on = libc::itimerval { it_value: minute, ..old };
        let off = old;

        libc::sigaction(libc::SIGALRM, &action, &mut old_action);
        libc::setitimer(libc::ITIMER_REAL, &on, &mut old);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &alarm_only, &mut old_mask);

        libc::setitimer(libc::ITIMER_REAL, &off, &mut old);
        libc::sigaction(libc::SIGALRM, &old_action, &mut action);
        black_box((old, action));
    }
}

fn arm_and_drop() {
    drop(Alarm::after(MINUTE).expect("arming"));
}

fn main() {
    Group::new("outermost: arm + drop")
        .variant("five bare system calls", bare)
        .variant("Alarm::after + drop", arm_and_drop)
        .run();

    let outer = Alarm::after(MINUTE / 2).expect("arming");
    Group::new("under an earlier deadline")
        .variant("reading the clock", || {
            black_box(std::time::Instant::now());
        })
        .variant("nested: arm + drop", arm_and_drop)
        .variant("restart", || outer.restart())
        .run();

    for alive in [10, 1_000, 10_000, 100_000] {
        let alarms: Vec<Alarm> =
            (0..alive).map(|n| Alarm::after(MINUTE + Duration::from_nanos(n)).expect("arming")).collect();
        println!("\n{alive} alarms alive");
        Group::new("  nested among them")
            .variant("reading the clock", || {
                black_box(std::time::Instant::now());
            })
            .variant("arm + drop of the latest", || {
                drop(Alarm::after(2 * MINUTE).expect("arming"));
            })
            .variant("arm + drop in the middle", || {
                drop(Alarm::after(MINUTE - Duration::from_micros(5)).expect("arming"));
            })
            .run();
        drop(alarms);
    }
}
