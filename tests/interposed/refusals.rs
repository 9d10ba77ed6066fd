//! Replacements of C functions, so that the n-th call of one of them fails.
//!
//! A program's own definition of a symbol takes precedence at link time. The replacements forward to the C library
//! except for the chosen call.

#![allow(unsafe_code, clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]

use std::ffi::CStr;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicIsize, AtomicPtr, AtomicUsize, Ordering};

use nix::libc::{self, c_int, c_long, c_void};

static CHOSEN: AtomicUsize = AtomicUsize::new(usize::MAX);
/// The function chosen last.
static LAST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Calls until the one that fails, shared by all forked processes.
static UNTIL: AtomicPtr<AtomicIsize> = AtomicPtr::new(ptr::null_mut());
static ERRNO: AtomicI32 = AtomicI32::new(0);

fn until() -> &'static AtomicIsize {
    unsafe { UNTIL.load(Ordering::SeqCst).as_ref() }.expect("prepared")
}

/// Makes the `nth` call of `name`, from 1 on, fail with `errno`, once.
pub fn refuse(name: &str, nth: usize, errno: i32) {
    let index = NAMES.iter().position(|known| known.to_str() == Ok(name)).expect("a replaced function");
    ERRNO.store(errno, Ordering::SeqCst);
    until().store(nth as isize, Ordering::SeqCst);
    LAST.store(index, Ordering::SeqCst);
    CHOSEN.store(index, Ordering::SeqCst);
}

/// Ends the injection. Returns whether a call has failed.
pub fn end() -> bool {
    CHOSEN.store(usize::MAX, Ordering::SeqCst);
    until().load(Ordering::SeqCst) <= 0
}

/// Returns whether a call of `name` has failed.
pub fn refused(name: &str) -> bool {
    let index = LAST.load(Ordering::SeqCst);
    NAMES.get(index).is_some_and(|known| known.to_str() == Ok(name)) && until().load(Ordering::SeqCst) <= 0
}

pub fn uncounted<T>(f: impl FnOnce() -> T) -> T {
    let chosen = CHOSEN.swap(usize::MAX, Ordering::SeqCst);
    let done = f();
    CHOSEN.store(chosen, Ordering::SeqCst);
    done
}

fn is_refused(index: usize) -> bool {
    CHOSEN.load(Ordering::SeqCst) == index && until().fetch_sub(1, Ordering::SeqCst) == 1
}

/// The error convention of most functions.
fn minus_one() -> c_int {
    unsafe { *libc::__errno_location() = error() };
    -1
}

/// The error convention of pthread functions.
fn error() -> c_int {
    ERRNO.load(Ordering::SeqCst)
}

fn original(index: usize) -> *mut c_void {
    let known = FOUND[index].load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, NAMES[index].as_ptr()) };
    assert!(!found.is_null(), "no function {:?} in the C library", NAMES[index]);
    FOUND[index].store(found, Ordering::Relaxed);
    found
}

/// Resolves all functions. `dlsym` is not async-signal-safe.
pub fn prepare() {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let page = unsafe { libc::mmap(ptr::null_mut(), 4096, access, kind, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    UNTIL.store(page.cast(), Ordering::SeqCst);
    for index in 0..NAMES.len() {
        original(index);
    }
}

macro_rules! stand_ins {
    ($($index:literal $name:ident($($argument:ident: $type:ty),*) -> $answer:ty $(, if $condition:expr)? => $failure:expr;)*) => {
        const NAMES: &[&CStr] = &[$(name(concat!(stringify!($name), "\0"))),*];
        static FOUND: [AtomicPtr<c_void>; NAMES.len()] = [const { AtomicPtr::new(ptr::null_mut()) }; NAMES.len()];
        $(
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> $answer {
                if true $(&& $condition)? && is_refused($index) {
                    return <$answer>::from($failure);
                }
                unsafe {
                    let original: extern "C" fn($($type),*) -> $answer = mem::transmute(original($index));
                    original($($argument),*)
                }
            }
        )*
    };
}

const fn name(text: &str) -> &CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!(),
    }
}

type Any = *mut c_void;

// The last two are variadic: absent arguments are undefined registers, which the callee ignores.
stand_ins! {
    0 setitimer(which: c_int, new: Any, old: Any) -> c_int => minus_one();
    1 sigaction(signal: c_int, new: Any, old: Any) -> c_int => minus_one();
    2 pthread_sigmask(how: c_int, new: Any, old: Any) -> c_int => error();
    3 getitimer(which: c_int, held: Any) -> c_int => minus_one();
    4 __register_atfork(before: Any, parent: Any, child: Any, library: Any) -> c_int => error();
    5 fork() -> c_int => minus_one();
    6 pipe2(fds: Any, flags: c_int) -> c_int => minus_one();
    7 ppoll(fds: Any, count: usize, time: Any, mask: Any) -> c_int => minus_one();
    8 waitid(kind: c_int, id: u32, info: Any, options: c_int) -> c_int => minus_one();
    9 wait4(pid: c_int, status: Any, options: c_int, usage: Any) -> c_int => minus_one();
    10 fstat(fd: c_int, stat: Any) -> c_int => minus_one();
    11 pthread_getcpuclockid(thread: usize, clock: Any) -> c_int => error();
    12 clock_gettime(clock: c_int, time: Any) -> c_int, if clock != libc::CLOCK_MONOTONIC => minus_one();
    13 timer_settime(timer: Any, flags: c_int, new: Any, old: Any) -> c_int => minus_one();
    14 kill(pid: c_int, signal: c_int) -> c_int => minus_one();
    15 setpgid(pid: c_int, group: c_int) -> c_int => minus_one();
    16 setrlimit(what: c_int, limit: Any) -> c_int => minus_one();
    17 dup2(from: c_int, to: c_int) -> c_int => minus_one();
    18 pthread_create(handle: Any, attributes: Any, start: Any, argument: Any) -> c_int => error();
    19 read(fd: c_int, buffer: Any, length: usize) -> isize => minus_one() as isize;
    20 write(fd: c_int, buffer: Any, length: usize) -> isize => minus_one() as isize;
    21 prctl(what: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int => minus_one();
    22 fcntl(fd: c_int, command: c_int, argument: usize) -> c_int => minus_one();
    23 syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long, if number == libc::SYS_pidfd_open || number == libc::SYS_pidfd_send_signal => minus_one() as c_long;
    24 timer_create(clock: c_int, event: Any, timer: Any) -> c_int => minus_one();
}
