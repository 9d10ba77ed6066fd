//! The kernel's view of this process, independent of the library.

// Bare system calls, each with pointers to locals.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use nix::libc;

/// Everything that the library must restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub handler: usize,
    pub flags: libc::c_int,
    /// The handler's mask.
    pub handler_mask: Vec<i32>,
    /// The thread's mask.
    pub mask: Vec<i32>,
    pub timer: (Duration, Duration),
}

pub fn state() -> State {
    let action = action();
    State {
        handler: action.sa_sigaction,
        flags: action.sa_flags & !0x0400_0000, // The C library sets SA_RESTORER.
        handler_mask: members(&action.sa_mask),
        mask: mask(),
        timer: timer(),
    }
}

pub fn action() -> libc::sigaction {
    action_for(libc::SIGALRM)
}

pub fn action_for(signal: i32) -> libc::sigaction {
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        assert_eq!(libc::sigaction(signal, ptr::null(), action.as_mut_ptr()), 0);
        action.assume_init()
    }
}

pub fn set_action(function: usize, flags: libc::c_int, mask: &[i32]) {
    set_action_for(libc::SIGALRM, function, flags, mask);
}

pub fn set_action_for(signal: i32, function: usize, flags: libc::c_int, mask: &[i32]) {
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = function;
        action.sa_flags = flags;
        for &blocked in mask {
            libc::sigaddset(&mut action.sa_mask, blocked);
        }
        assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
    }
}

fn members(set: &libc::sigset_t) -> Vec<i32> {
    (1..=64).filter(|&n| unsafe { libc::sigismember(set, n) } == 1).collect()
}

pub fn mask() -> Vec<i32> {
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), set.as_mut_ptr()), 0);
        members(&set.assume_init())
    }
}

fn change_mask(how: libc::c_int, signal: i32) {
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigaddset(&mut set, signal);
        assert_eq!(libc::pthread_sigmask(how, &set, ptr::null_mut()), 0);
    }
}

pub fn block(signal: i32) {
    change_mask(libc::SIG_BLOCK, signal);
}

pub fn unblock(signal: i32) {
    change_mask(libc::SIG_UNBLOCK, signal);
}

pub fn is_pending(signal: i32) -> bool {
    unsafe {
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        assert_eq!(libc::sigpending(set.as_mut_ptr()), 0);
        libc::sigismember(set.as_ptr(), signal) == 1
    }
}

pub fn timer() -> (Duration, Duration) {
    unsafe {
        let mut t = MaybeUninit::<libc::itimerval>::zeroed();
        assert_eq!(libc::getitimer(libc::ITIMER_REAL, t.as_mut_ptr()), 0);
        let t = t.assume_init();
        (duration(t.it_value), duration(t.it_interval))
    }
}

fn duration(t: libc::timeval) -> Duration {
    Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64)
}

pub fn set_timer(value: Duration, interval: Duration) -> (Duration, Duration) {
    let timeval = |d: Duration| libc::timeval { tv_sec: d.as_secs() as _, tv_usec: d.subsec_micros() as _ };
    unsafe {
        let new = libc::itimerval { it_value: timeval(value), it_interval: timeval(interval) };
        let mut old = MaybeUninit::<libc::itimerval>::zeroed();
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &new, old.as_mut_ptr()), 0);
        let old = old.assume_init();
        (duration(old.it_value), duration(old.it_interval))
    }
}

/// Sets a timer that expires once. Returns what was left of the previous one.
pub fn once(delay: Duration) -> Duration {
    set_timer(delay, Duration::ZERO).0
}

pub fn disarm() {
    set_timer(Duration::ZERO, Duration::ZERO);
}

/// Calls of [`count`], and the `si_code` of the last one.
pub static COUNTED: AtomicUsize = AtomicUsize::new(0);
pub static LAST_CODE: AtomicI32 = AtomicI32::new(i32::MIN);

pub extern "C" fn count(_: libc::c_int) {
    COUNTED.fetch_add(1, Ordering::SeqCst);
}

pub extern "C" fn count_info(_: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    COUNTED.fetch_add(1, Ordering::SeqCst);
    unsafe { LAST_CODE.store((*info).si_code, Ordering::SeqCst) };
    assert!(!context.is_null());
}

pub fn counted() -> usize {
    COUNTED.load(Ordering::SeqCst)
}

/// The address of a handler.
pub fn handler(function: extern "C" fn(libc::c_int)) -> usize {
    function as usize
}

pub fn handler_info(function: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void)) -> usize {
    function as usize
}

pub fn counting() -> usize {
    handler(count)
}

pub fn counting_info() -> usize {
    handler_info(count_info)
}

/// Installs [`count`] for SIGALRM.
pub fn count_signals() {
    set_action(counting(), libc::SA_RESTART, &[]);
}

pub fn kill_self(signal: i32) {
    unsafe { assert_eq!(libc::kill(libc::getpid(), signal), 0) };
}

/// Asserts that `f` ends without a panic in a forked child.
#[track_caller]
pub fn passes_in_child(f: impl FnOnce()) {
    assert_eq!(in_child(f), 0, "the child's status");
}

/// The child exits with 0, or with 101 after a panic. Returns the raw wait status.
pub fn in_child(f: impl FnOnce()) -> i32 {
    unsafe {
        match libc::fork() {
            -1 => panic!("fork: {}", std::io::Error::last_os_error()),
            0 => {
                let code = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)) {
                    Ok(()) => 0,
                    Err(_) => 101,
                };
                libc::_exit(code)
            }
            child => {
                let mut status = 0;
                // A signal interrupts the wait if its handler has no SA_RESTART.
                while libc::waitpid(child, &mut status, 0) != child {
                    assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::Interrupted);
                }
                status
            }
        }
    }
}

/// Makes the system call `number` fail with `errno` from now on.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn forbid(number: libc::c_long, errno: i32) {
    const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    let statement = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        statement(LOAD, 0, 0, 0), // load the number of the call
        statement(JUMP_IF_EQUAL, 0, 1, number as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32),
        statement(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program), 0);
    }
}

/// Gives signal handlers a stack that fits a sanitizer's reports.
pub fn widen_signal_stack() {
    const SIZE: usize = 1 << 20;
    let stack =
        libc::stack_t { ss_sp: vec![0_u8; SIZE].leak().as_mut_ptr().cast(), ss_flags: 0, ss_size: SIZE };
    unsafe { assert_eq!(libc::sigaltstack(&stack, ptr::null_mut()), 0) };
}

/// Has the kernel kill this process when its parent ends.
pub fn die_with_parent() {
    #[cfg(target_os = "linux")]
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
}

/// Has the kernel kill the process of `command` too, through `exec`.
pub fn spawn_to_die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let prepare = move || {
        die_with_parent();
        // The parent may have ended before the call.
        if unsafe { libc::getppid() } as u32 == parent {
            Ok(())
        } else {
            Err(io::ErrorKind::Interrupted.into())
        }
    };
    unsafe { command.pre_exec(prepare) };
}
