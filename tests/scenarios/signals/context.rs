//! Mask, stack and errno of a handler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{self, SA_NODEFER, SA_ONSTACK, SA_RESTART, SIGALRM, SIGUSR1};
use sigalarm::Alarm;

static SEEN_BLOCKED: AtomicBool = AtomicBool::new(false);
static SEEN_OPEN: AtomicBool = AtomicBool::new(false);

extern "C" fn look_at_mask(_: libc::c_int) {
    let mask = process::mask();
    SEEN_BLOCKED.store(mask.contains(&SIGUSR1), Ordering::SeqCst);
    SEEN_OPEN.store(!mask.contains(&SIGALRM), Ordering::SeqCst);
}

fn handler_runs_under_its_own_mask() {
    let function = process::handler(look_at_mask);
    process::set_action(function, SA_NODEFER, &[SIGUSR1]);
    let before = process::mask();
    let alarm = after(SECOND);
    process::kill_self(SIGALRM);
    assert!(SEEN_BLOCKED.load(Ordering::SeqCst) && SEEN_OPEN.load(Ordering::SeqCst));
    process::set_action(function, SA_NODEFER, &[SIGUSR1]);
    drop(alarm);
    assert_eq!(process::mask(), before);
}

fn errno_is_unchanged_by_an_expiry() {
    let alarm = after(100 * Duration::from_micros(1));
    let began = Instant::now();
    nix::errno::Errno::ESRCH.set();
    while began.elapsed() < 20 * MS {
        assert_eq!(nix::errno::Errno::last(), nix::errno::Errno::ESRCH);
    }
    assert!(alarm.check().is_err());
}

static ON_STACK: AtomicBool = AtomicBool::new(false);
const STACK: usize = 64 * 1024;
static mut ALTERNATE: [u8; STACK] = [0; STACK];

extern "C" fn where_am_i(_: libc::c_int) {
    let local = 0_u8;
    let here = &raw const local as usize;
    let stack = &raw const ALTERNATE as usize;
    ON_STACK.store((stack..stack + STACK).contains(&here), Ordering::SeqCst);
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare call, with pointers to statics.
fn use_an_alternate_stack() {
    let stack = libc::stack_t { ss_sp: (&raw mut ALTERNATE).cast(), ss_flags: 0, ss_size: STACK };
    assert_eq!(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) }, 0);
}

fn previous_handler_runs_on_its_own_stack() {
    use_an_alternate_stack();
    for (flags, on_stack) in
        [(SA_ONSTACK, true), (0, false), (SA_ONSTACK | SA_RESTART, true), (SA_RESTART, false)]
    {
        process::set_action(process::handler(where_am_i), flags, &[]);
        let alarm = after(SECOND);
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGALRM);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
        // The handler keeps its stack during and after a wait.
        let _ = alarm.blocking(|| {
            ON_STACK.store(!on_stack, Ordering::SeqCst);
            process::kill_self(SIGALRM);
            assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
            std::io::Result::Ok(())
        });
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGALRM);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
    }
}

/// Six library handlers nest, on a stack with space for one frame.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls, with pointers to statics and locals.
fn six_nested_handlers_fit_a_small_stack() {
    let signals = [SIGUSR1, libc::SIGUSR2, libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
    // A kernel frame, and the library's unoptimised handler.
    let size = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) as usize }.max(2_048) + 8 * 1_024;
    assert!(size < STACK);
    let stack = libc::stack_t { ss_sp: (&raw mut ALTERNATE).cast(), ss_flags: 0, ss_size: size };
    assert_eq!(unsafe { libc::sigaltstack(&stack, std::ptr::null_mut()) }, 0);
    let mut builder = Alarm::builder().after(MS);
    for signal in signals {
        builder = builder.ring_on(signal);
    }
    let alarm = builder.arm().expect("arming");
    let mut all = std::mem::MaybeUninit::uninit();
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), std::ptr::null_mut());
    }
    signals.into_iter().for_each(process::kill_self);
    spin(5 * MS);
    unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, all.as_ptr(), std::ptr::null_mut()) };
    assert!(alarm.check().is_err());
}

fn previous_handler_of_ring_on_runs_on_its_own_stack() {
    use_an_alternate_stack();
    for (flags, on_stack) in [(SA_ONSTACK, true), (0, false)] {
        process::set_action_for(SIGUSR1, process::handler(where_am_i), flags, &[]);
        let _alarm = Alarm::builder().ring_on(SIGUSR1).arm().expect("arming");
        process::kill_self(SIGUSR1);
        ON_STACK.store(!on_stack, Ordering::SeqCst);
        process::kill_self(SIGUSR1);
        assert_eq!(ON_STACK.load(Ordering::SeqCst), on_stack, "{flags:#x}");
    }
}

extern "C" fn spoils_errno(_: libc::c_int) {
    nix::errno::Errno::EBADF.set();
}

fn errno_survives_the_previous_handler() {
    process::set_action(process::handler(spoils_errno), SA_RESTART, &[]);
    let _alarm = after(SECOND);
    nix::errno::Errno::ESRCH.set();
    process::kill_self(SIGALRM);
    assert_eq!(nix::errno::Errno::last(), nix::errno::Errno::ESRCH);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        handler_runs_under_its_own_mask,
        errno_is_unchanged_by_an_expiry,
        previous_handler_runs_on_its_own_stack,
        #[cfg(target_os = "linux")]
        six_nested_handlers_fit_a_small_stack,
        previous_handler_of_ring_on_runs_on_its_own_stack,
        errno_survives_the_previous_handler,
    ]
}
