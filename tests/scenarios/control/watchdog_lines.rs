use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use nix::libc::{self, SA_ONSTACK, SIGABRT};
use nix::sys::resource::{Resource, setrlimit};
use sigalarm::{Alarm, checkpoint};

fn watchdog_names_the_alarms_of_its_thread() {
    let _solve = arm(Alarm::builder().after(300 * MS).abort_after(300 * MS).label("solve"));
    drop(arm(Alarm::builder().after(LATE).label("phase one")));
    let _phase = arm(Alarm::builder().after(LATE).label("phase two"));
    let _unnamed = after(LATE);
    hang();
}

fn names_two_levels(outcome: &Outcome) -> Result<(), String> {
    let line = &outcome.stderr;
    let begins = "sigalarm: solve has not answered 300 ms after its limit of 300 ms; ending the process. \
                  On its thread: solve (tests/scenarios/control/watchdog_lines.rs:";
    let is_right = line.starts_with(begins)
        && line.contains(" > phase two (tests/scenarios/control/watchdog_lines.rs:")
        && line.contains(" > an alarm (tests/scenarios/control/watchdog_lines.rs:")
        && !line.contains("phase one")
        && line.matches('\n').count() == 1;
    if outcome.status.code() == Some(124) && is_right { Ok(()) } else { Err(format!("the line: {line}")) }
}

fn watchdog_names_the_last_check() {
    let _solve = arm(Alarm::builder().after(500 * MS).abort_after(100 * MS).audit(4 * MS).label("solve"));
    let began = std::time::Instant::now();
    while began.elapsed() < 50 * MS {
        assert!(checkpoint().is_ok());
    }
    hang();
}

fn names_the_last_check(outcome: &Outcome) -> Result<(), String> {
    let line = &outcome.stderr;
    let is_right = line.contains("; last check seen at tests/scenarios/control/watchdog_lines.rs:");
    if outcome.status.code() == Some(124) && is_right { Ok(()) } else { Err(format!("the line: {line}")) }
}

/// Distance of the SIGABRT handler's frame from the top of the signal stack.
static DEPTH: AtomicUsize = AtomicUsize::new(usize::MAX);

extern "C" fn report(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let here = 0_u8;
    let mut stack = std::mem::MaybeUninit::<libc::stack_t>::uninit();
    // SAFETY: the pointer is valid, and the call fills it.
    #[allow(unsafe_code)]
    let stack = unsafe {
        libc::sigaltstack(std::ptr::null(), stack.as_mut_ptr());
        stack.assume_init()
    };
    let top = stack.ss_sp.addr() + stack.ss_size;
    DEPTH.store(top - std::ptr::from_ref(&here).addr(), Ordering::SeqCst);
}

fn handler_of_sigabrt_has_the_signal_stack() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    process::set_action_for(SIGABRT, report as *const () as usize, SA_ONSTACK | libc::SA_SIGINFO, &[]);
    let _alarm = arm(Alarm::builder().after(20 * MS).dump_core_after(20 * MS));
    spin_until(|| DEPTH.load(Ordering::SeqCst) != usize::MAX);
    println!("{}", DEPTH.load(Ordering::SeqCst));
    std::thread::sleep(LATE);
}

/// The library's handler does not use the same signal stack. A signal frame with AVX-512 takes 3.5 kB.
fn reported_on_a_free_stack(outcome: &Outcome) -> Result<(), String> {
    let depth: usize = outcome.stdout.trim().parse().map_err(|e| format!("{e}: {}", outcome.stdout))?;
    match outcome.status.signal() {
        Some(SIGABRT) if depth < 4_600 && outcome.took >= 5 * SECOND => Ok(()),
        signal => Err(format!("{depth} bytes deep, signal {signal:?}")),
    }
}

fn watchdog_aborts_with_sigabrt_blocked() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    process::block(SIGABRT);
    let _alarm = arm(Alarm::builder().after(20 * MS).dump_core_after(20 * MS));
    hang();
}

extern "C" fn wait_for_ever(_: libc::c_int) {
    loop {
        std::thread::sleep(SECOND);
    }
}

fn watchdog_aborts_despite_a_handler_that_blocks() {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    process::set_action_for(SIGABRT, wait_for_ever as *const () as usize, 0, &[]);
    let _alarm = arm(Alarm::builder().after(20 * MS).dump_core_after(20 * MS));
    hang();
}

#[inline(never)]
fn stuck_in_here() {
    while black_box(true) {
        black_box(0);
    }
}

fn to_be_debugged() {
    let _alarm = arm(Alarm::builder().after(200 * MS).dump_core_after(100 * MS));
    stuck_in_here();
    black_box(0);
}

fn debugger_shows_the_stuck_function() {
    let this = std::env::current_exe().expect("a path");
    let Some(mut gdb) = tool("gdb") else { return };
    gdb.args(["-nx", "-batch", "-ex", "handle SIGALRM nostop noprint pass", "-ex", "run", "-ex", "bt"]);
    gdb.arg("--args").arg(this).env("SIGALARM_TEST_SCENARIO", "control::watchdog_lines::to_be_debugged");
    let output = gdb.output().expect("gdb runs");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if stderr.contains("Could not trace") || stderr.contains("ptrace") {
        return println!("skipped: no process may be traced here");
    }
    let top = stdout.lines().find(|line| line.starts_with("#0")).unwrap_or_default();
    assert!(stdout.contains("SIGABRT"), "{stdout}{stderr}");
    assert!(top.contains("stuck_in_here") || top.contains("black_box"), "{stdout}{stderr}");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        watchdog_names_the_alarms_of_its_thread.judged(names_two_levels),
        watchdog_names_the_last_check.judged(names_the_last_check),
        handler_of_sigabrt_has_the_signal_stack.judged(reported_on_a_free_stack),
        watchdog_aborts_with_sigabrt_blocked.dies_of(SIGABRT),
        watchdog_aborts_despite_a_handler_that_blocks.dies_of(SIGABRT),
        to_be_debugged.dies_of(SIGABRT),
        debugger_shows_the_stuck_function,
    ]
}
