//! Bare system calls, as baselines.

#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Calls with pointers to locals.

use std::hint::black_box;
use std::io::{Read, Write};
use std::mem::zeroed;
use std::os::fd::FromRawFd;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::libc;
use parking_lot::Mutex;

extern "C" fn nothing(_: libc::c_int) {}

/// The library's system calls to arm and drop an outermost alarm.
pub fn arm_and_disarm() {
    eight_calls::<false>();
}

/// The same calls with what the design needs between them: the lock, the clock, and what the handler reads.
pub fn arm_and_disarm_under_a_lock() {
    eight_calls::<true>();
}

fn eight_calls<const GUARDED: bool>() {
    static LOCK: Mutex<()> = Mutex::new(());
    static SHARED: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
    let lock = || GUARDED.then(|| LOCK.lock());
    let set = |index: usize, value| _ = GUARDED.then(|| SHARED[index].swap(value, Ordering::SeqCst));
    let read_clock = || _ = GUARDED.then(|| black_box(Instant::now()));
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

        let locked = lock();
        read_clock(); // for the deadline
        set(0, 1); // the handler is being installed
        libc::sigaction(libc::SIGALRM, ptr::null(), &mut found);
        libc::sigaction(libc::SIGALRM, &action, &mut old_action);
        set(1, 1); // the version of the previous disposition
        set(0, 0);
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut old_mask);
        libc::getitimer(libc::ITIMER_REAL, &mut old);
        set(2, 1); // an expiry may come
        libc::setitimer(libc::ITIMER_REAL, &on, &mut old);
        read_clock(); // for the bracket of the expiry
        drop(locked);

        let locked = lock();
        read_clock(); // whether the timer held the library's value
        libc::setitimer(libc::ITIMER_REAL, &off, &mut old);
        set(2, 0);
        set(3, 1); // the previous disposition is restored
        libc::sigaction(libc::SIGALRM, ptr::null(), &mut found);
        libc::sigaction(libc::SIGALRM, &old_action, &mut action);
        drop(locked);
        black_box((found, old_mask, old, action));
    }
}

static FLAG: AtomicBool = AtomicBool::new(false);

extern "C" fn raise_flag(_: libc::c_int) {
    FLAG.store(true, Ordering::Relaxed);
}

/// Returns how long a loop waits for a flag that a `setitimer` handler sets.
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

/// Forks a child that writes one byte to a pipe; the parent polls, reads and reaps.
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

/// Does what the promises of a job need and nothing else: process group, death signal, masks, dispositions, panic hook, flushes,
/// pidfd, usage, a handle on the heap; with a limit also the calls of an alarm, which the parent installs and the child sets.
///
/// Only in a process with one thread and empty C streams.
pub fn fork_as_a_job(limited: bool) {
    fn call(number: libc::c_long, arguments: [usize; 4]) -> usize {
        let result: usize;
        let [a, b, c, d] = arguments;
        // A raw call, because the C library's code would cost the child page faults.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            std::arch::asm!(
                "syscall", inlateout("rax") number as usize => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
                lateout("rcx") _, lateout("r11") _, options(nostack)
            );
        }
        #[cfg(not(target_arch = "x86_64"))]
        unsafe {
            result = libc::syscall(number, a, b, c, d) as usize;
        }
        result
    }
    const LEADER: usize = 1 << 2; // PIDFD_SIGNAL_PROCESS_GROUP
    unsafe {
        call(libc::SYS_unshare, [libc::CLONE_THREAD as usize, 0, 0, 0]);
        let mut pipe = [0; 2];
        assert_eq!(libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC), 0);
        libc::fcntl(pipe[0], libc::F_SETFL, libc::O_NONBLOCK);
        let [read, write] = pipe.map(|fd| fd as usize);
        let mut stat: libc::stat = zeroed();
        libc::fstat(pipe[1], &mut stat);
        std::io::stdout().lock().flush().expect("flushing");
        let (all, mut mask) = (!0_u64, 0_u64);
        let mask_at = &raw mut mask as usize;
        call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, &raw const all as usize, mask_at, 8]);
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
            let mut action = [0_u64; 4];
            call(libc::SYS_rt_sigaction, [signal as usize, 0, &raw mut action as usize, 8]);
        }
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
        let swap = |action: &mut libc::sigaction| {
            let new = *action;
            libc::sigaction(libc::SIGALRM, ptr::null(), action);
            libc::sigaction(libc::SIGALRM, &new, action);
        };
        if limited {
            swap(&mut action);
        }
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let mut handle = Box::new([0_i32; 2]);
        let set_mask = || call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, mask_at, 0, 8]);
        match libc::fork() {
            -1 => panic!("fork"),
            0 => {
                call(libc::SYS_close, [read, 0, 0, 0]);
                call(libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0]);
                call(libc::SYS_getppid, [0; 4]);
                call(libc::SYS_setpgid, [0; 4]);
                set_mask();
                if limited {
                    let minute = [0_usize, 0, 60, 0];
                    call(libc::SYS_setitimer, [libc::ITIMER_REAL as usize, minute.as_ptr() as usize, 0, 0]);
                }
                let _ = std::io::stdout().flush();
                call(libc::SYS_newfstatat, [write, c"".as_ptr() as usize, &raw mut stat as usize, 0x1000]);
                let byte = 7_u8;
                call(libc::SYS_write, [write, &raw const byte as usize, 1, 0]);
                call(libc::SYS_exit_group, [0; 4]);
                unreachable!()
            }
            child => {
                std::panic::set_hook(hook);
                libc::close(pipe[1]);
                libc::setpgid(child, child);
                let end = libc::syscall(libc::SYS_pidfd_open, child, 0) as libc::c_int;
                *handle = [child, end];
                if limited {
                    swap(&mut action);
                }
                set_mask();
                let on = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
                assert!(libc::poll([on(end), on(pipe[0])].as_mut_ptr(), 2, -1) > 0);
                let mut byte = [0_u8];
                assert_eq!(libc::read(pipe[0], byte.as_mut_ptr().cast(), 1), 1);
                assert_eq!(libc::poll(&mut on(end), 1, -1), 1);
                call(libc::SYS_pidfd_send_signal, [end as usize, libc::SIGKILL as usize, 0, LEADER]);
                let (mut info, mut usage): (libc::siginfo_t, libc::rusage) = (zeroed(), zeroed());
                let ended =
                    libc::syscall(libc::SYS_waitid, libc::P_PIDFD, end, &mut info, libc::WEXITED, &mut usage);
                assert_eq!(ended, 0);
                libc::close(end);
                libc::close(pipe[0]);
                black_box((byte, info.si_code, usage, handle));
            }
        }
    }
}

/// Sends `size` bytes from a child through a bare pipe of a megabyte.
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
