//! The bare system calls: what nobody can do without.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Calls with pointers to locals.

use std::hint::black_box;
use std::io::{Read, Write};
use std::mem::zeroed;
use std::os::fd::FromRawFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::libc;

extern "C" fn nothing(_: libc::c_int) {}

/// What the library calls, bare: the disposition is asked for and replaced, the mask asked for, the timer asked for and set;
/// the timer is disarmed, the disposition asked for and restored.
pub fn arm_and_disarm() {
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        let mut old_action: libc::sigaction = zeroed();
        let mut old_mask: libc::sigset_t = zeroed();
        let minute = libc::timeval { tv_sec: 60, tv_usec: 0 };
        let mut old: libc::itimerval = zeroed();
        let on = libc::itimerval { it_value: minute, ..old };
        let off = old;

        let mut found: libc::sigaction = zeroed();
        libc::sigaction(libc::SIGALRM, ptr::null(), &mut found);
        libc::sigaction(libc::SIGALRM, &action, &mut old_action);
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut old_mask);
        libc::getitimer(libc::ITIMER_REAL, &mut old);
        libc::setitimer(libc::ITIMER_REAL, &on, &mut old);

        libc::setitimer(libc::ITIMER_REAL, &off, &mut old);
        libc::sigaction(libc::SIGALRM, ptr::null(), &mut found);
        libc::sigaction(libc::SIGALRM, &old_action, &mut action);
        black_box((found, old_mask));
        black_box((old, action));
    }
}

static FLAG: AtomicBool = AtomicBool::new(false);

extern "C" fn raise_flag(_: libc::c_int) {
    FLAG.store(true, Ordering::Relaxed);
}

/// A `setitimer` whose handler sets a flag, which is looked at without a pause. How long it took.
pub fn notice(limit: Duration) -> Duration {
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = raise_flag as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        let mut old_action: libc::sigaction = zeroed();
        libc::sigaction(libc::SIGALRM, &action, &mut old_action);
        FLAG.store(false, Ordering::Relaxed);
        let mut timer: libc::itimerval = zeroed();
        timer.it_value.tv_usec = limit.as_micros() as libc::suseconds_t;
        let began = Instant::now();
        libc::setitimer(libc::ITIMER_REAL, &timer, ptr::null_mut());
        #[allow(clippy::missing_spin_loop)] // A hint would pause; a check does not.
        while !FLAG.load(Ordering::Relaxed) {}
        let took = began.elapsed();
        libc::sigaction(libc::SIGALRM, &old_action, ptr::null_mut());
        took
    }
}

/// A child that only ends, and its end.
pub fn fork_and_wait() {
    unsafe {
        match libc::fork() {
            -1 => panic!("fork"),
            0 => libc::_exit(0),
            child => {
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
            }
        }
    }
}

/// A child that writes one byte to a pipe; the parent polls, reads and reaps.
pub fn fork_and_byte() {
    unsafe {
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        match libc::fork() {
            -1 => panic!("fork"),
            0 => {
                libc::close(pipe[0]);
                libc::write(pipe[1], [7_u8].as_ptr().cast(), 1);
                libc::_exit(0)
            }
            child => {
                libc::close(pipe[1]);
                let mut fds = libc::pollfd { fd: pipe[0], events: libc::POLLIN, revents: 0 };
                assert_eq!(libc::poll(&mut fds, 1, -1), 1);
                let mut byte = [0_u8];
                assert_eq!(libc::read(pipe[0], byte.as_mut_ptr().cast(), 1), 1);
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                libc::close(pipe[0]);
                black_box((byte, status));
            }
        }
    }
}

/// So many bytes, made in a child, through a bare pipe of a megabyte into fresh memory.
pub fn fork_and_bytes(size: usize) -> usize {
    unsafe {
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        libc::fcntl(pipe[1], libc::F_SETPIPE_SZ, 1 << 20);
        match libc::fork() {
            -1 => panic!("fork"),
            0 => {
                let text = "x".repeat(size);
                let written = std::fs::File::from_raw_fd(pipe[1]).write_all(text.as_bytes());
                libc::_exit(i32::from(written.is_err()))
            }
            child => {
                libc::close(pipe[1]);
                let mut bytes = Vec::new();
                std::fs::File::from_raw_fd(pipe[0]).read_to_end(&mut bytes).expect("reading");
                let mut status = 0;
                assert_eq!(libc::waitpid(child, &mut status, 0), child);
                black_box(&bytes).len()
            }
        }
    }
}
