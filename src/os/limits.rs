//! What a process may use: [setrlimit(2)](https://man7.org/linux/man-pages/man2/setrlimit.2.html).

use std::io;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

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

/// At most so much processor time, rounded up to whole seconds: then SIGXCPU, and SIGKILL a second later.
pub(crate) fn processor_time(time: Duration) -> io::Result<()> {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    // Zero seconds would be taken for one; a limit that is used up at once is what one second is nearest to.
    lower(Resource::RLIMIT_CPU, as_limit(seconds.max(1)), 1)
}

fn as_limit(value: u64) -> rlim_t {
    rlim_t::try_from(value).unwrap_or(rlim_t::MAX)
}

/// A limit may only be lowered: one that is stricter already stays.
fn lower(resource: Resource, soft: rlim_t, extra: rlim_t) -> io::Result<()> {
    let (_, most) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(most), soft.saturating_add(extra).min(most))?)
}
