//! System calls that the safe crates do not offer.

use std::ffi::{CStr, OsString, c_char, c_int};
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;

use nix::libc;
use signal_hook::low_level;

/// Copies the arguments.
///
/// # Safety
///
/// `argv` points to `argc` C strings.
#[allow(unsafe_code)]
pub unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Vec<OsString> {
    let copy = |n| {
        // SAFETY: `n` is less than `argc`, and the caller guarantees the rest.
        let argument = unsafe { CStr::from_ptr(*argv.add(n)) };
        OsString::from_vec(argument.to_bytes().to_vec())
    };
    (0..usize::try_from(argc).unwrap_or(0)).map(copy).collect()
}

pub struct Disposition {
    signal: c_int,
    action: libc::sigaction,
}

impl Disposition {
    #[allow(unsafe_code)]
    pub fn of(signal: c_int) -> Option<Disposition> {
        let mut action = MaybeUninit::uninit();
        // SAFETY: the pointer is that of a local, which the call fills if it succeeds.
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
        // SAFETY: `action` came from the kernel, or its function is SIG_IGN or SIG_DFL.
        unsafe { libc::sigaction(self.signal, &self.action, ptr::null_mut()) };
    }
}

pub fn ignore(signal: c_int) {
    if let Some(ignored) = Disposition::simple(signal, libc::SIG_IGN) {
        ignored.set();
    }
}

#[allow(unsafe_code)]
pub fn start_with(command: &mut Command, dispositions: Vec<Disposition>) {
    let restore = move || {
        dispositions.iter().for_each(Disposition::set);
        Ok(())
    };
    // SAFETY: between `fork` and `exec` the closure makes only system calls, which are async-signal-safe.
    unsafe { command.pre_exec(restore) };
}

/// A process that has ended is no error.
#[allow(unsafe_code)]
pub fn kill(process: libc::pid_t, signal: c_int) {
    // SAFETY: the call touches no memory.
    unsafe { libc::kill(process, signal) };
}

pub fn leave_no_core() -> io::Result<()> {
    // A size limit of zero does not stop a program that receives core files from the kernel.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    nix::sys::prctl::set_dumpable(false)?;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    Ok(())
}

/// Ends this process by a signal whose default action is that.
#[allow(unsafe_code)]
pub fn die_of(signal: c_int) {
    if let Some(default) = Disposition::simple(signal, libc::SIG_DFL) {
        default.set();
    }
    let mut set = MaybeUninit::uninit();
    // SAFETY: the pointers are those of a local, which `sigemptyset` fills.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
    let _ = low_level::raise(signal);
}
