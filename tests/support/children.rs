//! What jobs must not leave behind.

// Bare system calls, independent of the library.
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]

use std::fs;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

pub fn descriptors() -> Vec<i32> {
    let names =
        fs::read_dir("/proc/self/fd").expect("/proc").map(|entry| entry.expect("an entry").file_name());
    let fds: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    // The descriptor that read the directory is closed by now.
    let mut fds: Vec<i32> =
        fds.into_iter().filter(|&fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0).collect();
    fds.sort_unstable();
    fds
}

pub fn has_children() -> bool {
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_ALL, 0, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) == 0
    }
}

pub fn leaving_nothing(f: impl FnOnce()) {
    let before = descriptors();
    f();
    assert!(!has_children(), "a child is left");
    assert_eq!(descriptors(), before, "descriptors are left");
}

/// Returns whether the process exists and has not ended.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    state.is_some_and(|state| state != "Z" && state != "X")
}

pub fn soon(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "still not: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Returns the write end of the calling job's pipe.
pub fn write_end_not_in(inherited: &[i32]) -> fs::File {
    let is_pipe = |fd: &i32| {
        let link = fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default();
        link.to_string_lossy().starts_with("pipe:") && !inherited.contains(fd)
    };
    let fd = descriptors().into_iter().find(is_pipe).expect("the pipe to the parent");
    fs::File::options().write(true).open(format!("/proc/self/fd/{fd}")).unwrap()
}

pub fn bytes_in_pipe(end: &fs::File) -> i32 {
    let mut bytes = 0;
    assert_eq!(unsafe { libc::ioctl(end.as_raw_fd(), libc::FIONREAD, &mut bytes) }, 0);
    bytes
}

pub fn fork() -> i32 {
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    pid
}

pub fn raise(signal: i32) {
    unsafe { libc::raise(signal) };
}

pub fn signal(signal: i32, action: libc::sighandler_t) {
    unsafe { assert_ne!(libc::signal(signal, action), libc::SIG_ERR) };
}

/// Deletes the timer by which a job ends itself after its limit.
#[cfg(target_os = "linux")]
pub fn delete_own_timer() {
    // SAFETY: for an unknown timer the call fails.
    assert_eq!(unsafe { libc::syscall(libc::SYS_timer_delete, 0) }, 0);
}

pub fn exit_now(code: i32) -> ! {
    unsafe { libc::_exit(code) }
}

pub fn set_limit(resource: Resource, soft: rlim_t) {
    let (_, hard) = getrlimit(resource).expect("getrlimit");
    setrlimit(resource, soft.min(hard), hard).expect("setrlimit");
}

pub fn close_all(first: i32) {
    for fd in first..1024 {
        unsafe { libc::close(fd) };
    }
}

pub fn pause() -> ! {
    loop {
        unsafe { libc::pause() };
    }
}

/// Drops super-user privileges, which bypass some limits. Returns whether it is unprivileged now.
pub fn drop_privileges() -> bool {
    unsafe { libc::getuid() != 0 || libc::setuid(65_534) == 0 }
}
