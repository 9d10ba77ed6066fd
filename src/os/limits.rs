//! What a process may use: [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html).

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;
use std::{process, ptr};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

use super::pipe::WriteEnd;

/// At most so many bytes of address space, counting what there is already.
pub(crate) fn memory(bytes: u64) -> io::Result<()> {
    #[cfg(not(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")))]
    let resource = Resource::RLIMIT_AS;
    #[cfg(target_os = "freebsd")]
    let resource = Resource::RLIMIT_VMEM;
    // OpenBSD has no limit on the address space, and nix does not know NetBSD's.
    #[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
    let resource = Resource::RLIMIT_DATA;
    lower(resource, as_limit(bytes), 0)
}

/// At most so much processor time: then SIGXCPU, and at the next whole second but one SIGKILL.
///
/// The kernel's limit has whole seconds. On Linux a timer on the processor clock sends SIGXCPU at a part of one, until an
/// `exec`.
pub(crate) fn processor_time(time: Duration) -> io::Result<()> {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if time < Duration::from_secs(seconds) || time.is_zero() {
        super::child_timer::ChildTimer::start(libc::SIGXCPU, libc::CLOCK_PROCESS_CPUTIME_ID, time)?;
    }
    lower(Resource::RLIMIT_CPU, as_limit(seconds.max(1)), 1)
}

/// Sends `frame` to `pipe` when this process aborts with ENOMEM in `errno`, as a Rust program does whose allocation fails.
///
/// Rust prints a line in between, which keeps `errno`; a backtrace does not.
pub(crate) fn report_abort(pipe: WriteEnd, frame: &'static [u8]) {
    type Report = (u32, WriteEnd, &'static [u8]);
    static REPORT: AtomicPtr<Report> = AtomicPtr::new(ptr::null_mut());

    extern "C" fn on_abort(_: libc::c_int) {
        if Errno::last() != Errno::ENOMEM {
            return;
        }
        // SAFETY: the pointer is that of a box that was leaked before the handler was installed.
        let (process, pipe, frame) = unsafe { &*REPORT.load(Ordering::Acquire) };
        // A child of this process inherits the handler.
        if *process == process::id() {
            let _ = pipe.write_all(frame);
        }
        // `abort` ends the process when this returns.
    }

    let report: Report = (process::id(), pipe, frame);
    REPORT.store(Box::leak(Box::new(report)), Ordering::Release);
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zeroes are a value of `sigaction`, with an empty mask. The handler's calls are async-signal-safe (`getpid`,
    // `fstat`, `write`). It need not keep `errno`: the process ends.
    unsafe {
        let to = action.as_mut_ptr();
        (*to).sa_sigaction = on_abort as extern "C" fn(libc::c_int) as libc::sighandler_t;
        (*to).sa_flags = libc::SA_ONSTACK;
        libc::sigaction(libc::SIGABRT, to, ptr::null_mut());
    }
}

fn as_limit(value: u64) -> rlim_t {
    rlim_t::try_from(value).unwrap_or(rlim_t::MAX)
}

/// A limit may only be lowered: one that is stricter already stays.
fn lower(resource: Resource, soft: rlim_t, extra: rlim_t) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(most), soft.saturating_add(extra).min(most))?)
}
