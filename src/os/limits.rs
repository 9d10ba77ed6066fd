//! Resource limits of a process: [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html).

use std::io;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;
use std::{process, ptr};

use nix::errno::Errno;
use nix::libc;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::child_timer::ChildTimer;
use super::pipe::WriteEnd;

pub(crate) fn memory(bytes: u64) -> io::Result<()> {
    #[cfg(not(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")))]
    let resource = Resource::RLIMIT_AS;
    #[cfg(target_os = "freebsd")]
    let resource = Resource::RLIMIT_VMEM;
    // Neither OpenBSD nor nix for NetBSD has a limit on the address space.
    #[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
    let resource = Resource::RLIMIT_DATA;
    lower(resource, as_limit(bytes), 0)
}

/// Limits the processor time. The kernel sends SIGXCPU at `time` and SIGKILL a second later, both rounded up to whole
/// seconds. On Linux a timer, which an `exec` deletes, sends SIGXCPU without rounding.
pub(crate) fn processor_time(time: Duration) -> io::Result<()> {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    let is_linux = cfg!(any(target_os = "linux", target_os = "android"));
    if is_linux && (time < Duration::from_secs(seconds) || time.is_zero()) {
        ChildTimer::start(libc::SIGXCPU, libc::CLOCK_PROCESS_CPUTIME_ID, time)?;
    }
    lower(Resource::RLIMIT_CPU, as_limit(seconds.max(1)), 1)
}

/// Writes `end` to `pipe` if this process aborts while `errno` is ENOMEM, as Rust does after a failed allocation.
pub(crate) fn report_abort(pipe: WriteEnd, end: [u8; 8]) {
    type Report = (u32, WriteEnd, [u8; 8]);
    static REPORT: AtomicPtr<Report> = AtomicPtr::new(ptr::null_mut());

    extern "C" fn on_abort(_: libc::c_int) {
        if Errno::last() != Errno::ENOMEM {
            return;
        }
        // SAFETY: the box was leaked before the handler was installed.
        let (process, pipe, end) = unsafe { &*REPORT.load(Ordering::Acquire) };
        // A child of this process inherits the handler, but must not report.
        if *process == process::id() {
            let _ = pipe.write_all(end);
        }
    }

    let report: Report = (process::id(), pipe, end);
    REPORT.store(Box::leak(Box::new(report)), Ordering::Release);
    let action = SigAction::new(SigHandler::Handler(on_abort), SaFlags::SA_ONSTACK, SigSet::empty());
    // SAFETY: the handler calls only async-signal-safe functions (`getpid`, `fstat`, `write`), and the process ends when it
    // returns.
    let _ = unsafe { sigaction(Signal::SIGABRT, &action) };
}

fn as_limit(value: u64) -> rlim_t {
    rlim_t::try_from(value).unwrap_or(rlim_t::MAX)
}

fn lower(resource: Resource, soft: rlim_t, extra: rlim_t) -> io::Result<()> {
    let (now, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(now), soft.saturating_add(extra).min(most))?)
}
