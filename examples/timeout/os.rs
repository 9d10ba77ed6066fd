//! What the safe faces of the system calls leave out. nix knows the signals that have a name, and there are real-time
//! ones besides; a disposition that was there before can be an address; and nobody looks after a child between
//! `fork` and `exec`.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use nix::libc;
use signal_hook::low_level;

/// The arguments of a C program's `main`. They are copied.
///
/// # Safety
///
/// `argv` points to `argc` pointers to strings that end in a zero.
#[allow(unsafe_code)]
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<OsString> {
    let copy = |n| {
        // SAFETY: `n` is less than `argc`; the rest is what the caller promises.
        let argument = unsafe { CStr::from_ptr(*argv.add(n)) };
        OsString::from_vec(argument.to_bytes().to_vec())
    };
    (0..usize::try_from(argc).unwrap_or(0)).map(copy).collect()
}

/// What the process does with a signal.
pub struct Disposition {
    signal: c_int,
    action: libc::sigaction,
}

impl Disposition {
    #[allow(unsafe_code)]
    pub fn of(signal: c_int) -> Option<Disposition> {
        let mut action = MaybeUninit::uninit();
        // SAFETY: the pointer is that of a local, and it is filled if the call succeeds.
        unsafe {
            (libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) == 0)
                .then(|| Disposition { signal, action: action.assume_init() })
        }
    }

    fn simple(signal: c_int, function: libc::sighandler_t) -> Option<Disposition> {
        let mut disposition = Disposition::of(signal)?;
        disposition.action.sa_sigaction = function;
        disposition.action.sa_flags = 0;
        Some(disposition)
    }

    /// Async-signal-safe.
    #[allow(unsafe_code)]
    fn set(&self) {
        // SAFETY: `action` came from the kernel, whole, or has SIG_IGN or SIG_DFL for its function: whatever there is
        // to run was there before. What the kernel refuses, KILL's, stays as it is.
        unsafe { libc::sigaction(self.signal, &self.action, ptr::null_mut()) };
    }
}

/// From now on the signal does nothing here.
pub fn ignore(signal: c_int) {
    if let Some(ignored) = Disposition::simple(signal, libc::SIG_IGN) {
        ignored.set();
    }
}

/// Has the command find `dispositions`, whatever this process has made of them since.
#[allow(unsafe_code)]
pub fn start_with(command: &mut Command, dispositions: Vec<Disposition>) {
    let restore = move || {
        dispositions.iter().for_each(Disposition::set);
        Ok(())
    };
    // SAFETY: between `fork` and `exec` it makes a system call for each, which is async-signal-safe, and nothing else.
    unsafe { command.pre_exec(restore) };
}

/// kill(2). Who is not there any more need not be told.
#[allow(unsafe_code)]
pub fn kill(process: libc::pid_t, signal: c_int) {
    // SAFETY: two numbers; no memory of this process is involved.
    unsafe { libc::kill(process, signal) };
}

/// Sees to it that no core file is written of this process.
pub fn leave_no_core() -> io::Result<()> {
    // To limit the size to nothing would not do: there may be a program that takes them in.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::prctl::set_dumpable(false)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}

/// Dies of a signal, if it is a deadly one.
#[allow(unsafe_code)]
pub fn die_of(signal: c_int) {
    if let Some(default) = Disposition::simple(signal, libc::SIG_DFL) {
        default.set();
    }
    let mut set = MaybeUninit::uninit();
    // SAFETY: the pointers are that of a local, which `sigemptyset` fills.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
    let _ = low_level::raise(signal);
}
