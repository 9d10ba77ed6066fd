//! Every system call fails in turn.
//!
//! For each C function and each way to use the library, a forked process makes the n-th call fail, for n = 1, 2, …
//! until fewer calls are made. Each run ends with a clear error or the right result. It leaves no child, descriptor
//! or timer, and the next alarm works.

use std::error::Error;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::process::state;
use crate::support::*;
use nix::libc::{self, EAGAIN, EINTR, EIO, EMFILE, ENOMEM, EPERM, SA_ONSTACK, SIGUSR1};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use sigalarm::thread::Worker;
use sigalarm::{Alarm, Ticker, TimedOut, suspended};

#[path = "refusals.rs"]
mod refusals;

type Life = fn() -> Result<(), Box<dyn Error>>;

const CALLS: &[(&str, &[i32])] = &[
    ("setitimer", &[EPERM]),
    ("sigaction", &[EPERM]),
    ("pthread_sigmask", &[EPERM]),
    ("getitimer", &[EPERM]),
    ("timer_create", &[EAGAIN]),
    ("timer_settime", &[EPERM]),
    ("__register_atfork", &[ENOMEM]),
    ("fork", &[EAGAIN, ENOMEM]),
    ("pipe2", &[EMFILE]),
    ("fcntl", &[EMFILE]),
    ("fstat", &[ENOMEM]),
    ("ppoll", &[ENOMEM, EINTR]),
    ("waitid", &[EPERM, EINTR]),
    ("wait4", &[EINTR]),
    ("pthread_getcpuclockid", &[EPERM]),
    ("clock_gettime", &[EPERM]),
    ("pthread_create", &[EAGAIN]),
    ("kill", &[EPERM]),
    ("setpgid", &[EPERM]),
    ("prctl", &[EPERM]),
    ("setrlimit", &[EPERM]),
    ("dup2", &[EMFILE]),
    ("read", &[EIO, EINTR]),
    ("write", &[EIO, EINTR]),
    ("syscall", &[EMFILE, EPERM]),
];

fn a_guard() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::after(MS)?;
    expires(&alarm, MS);
    alarm.restart();
    expires(&alarm, MS);
    alarm.restart();
    alarm.extend(MS);
    expires(&alarm, 2 * MS);
    alarm.disarm();
    alarm.check()?;
    alarm.ring();
    assert!(alarm.check().is_err());
    Ok(())
}

fn guards_in_guards() -> Result<(), Box<dyn Error>> {
    let outer = Alarm::after(SECOND)?;
    {
        let inner = Alarm::after(MS)?;
        expires(&inner, MS);
        assert!(outer.check().is_ok());
    }
    let shorter = Alarm::after(10 * MS)?;
    drop(outer);
    expires(&shorter, 10 * MS);
    Ok(())
}

fn one_after_the_other() -> Result<(), Box<dyn Error>> {
    for n in 0..4 {
        let limit = Duration::from_micros(20 * n);
        let alarm = Alarm::after(limit)?;
        expires(&alarm, limit);
    }
    Ok(())
}

fn behind_a_mask() -> Result<(), Box<dyn Error>> {
    refusals::uncounted(|| process::block(libc::SIGALRM));
    let ended = a_guard();
    refusals::uncounted(|| {
        drop(Alarm::after(SECOND).expect("arming"));
        assert!(process::mask().contains(&libc::SIGALRM), "the mask is not restored");
        process::unblock(libc::SIGALRM);
    });
    ended
}

fn around_a_foreign_timer() -> Result<(), Box<dyn Error>> {
    refusals::uncounted(|| {
        process::count_signals();
        process::set_timer(3 * MS, 3 * MS);
    });
    let armed = Alarm::after(MS);
    if let Ok(alarm) = &armed {
        let flags = refusals::uncounted(process::action).sa_flags;
        assert_eq!(flags & SA_ONSTACK, 0, "a handler without SA_ONSTACK has it now");
        expires(alarm, MS);
        alarm.restart();
        alarm.extend(8 * MS);
        expires(alarm, 9 * MS);
    }
    let ended = armed.map(drop);
    refusals::uncounted(|| {
        if refusals::refused("setitimer") && process::timer().1.is_zero() {
            // A failure of the one call that restores the timer loses the timer.
            process::set_timer(3 * MS, 3 * MS);
        }
        let so_far = process::counted();
        children::soon("the foreign timer's signals", || process::counted() > so_far + 2);
        drop(Alarm::after(SECOND).expect("arming"));
        // The kernel shows a timer with a pending signal as zero.
        let (left, interval) = process::timer();
        assert!(
            left <= 3 * MS && interval == 3 * MS,
            "the foreign timer is forgotten: {left:?} {interval:?}"
        );
        process::disarm();
        assert_eq!(process::action().sa_sigaction, process::counting());
        process::set_action(libc::SIG_DFL, 0, &[]);
    });
    Ok(ended?)
}

fn waits() -> Result<(), Box<dyn Error>> {
    let (read, _write) = nix::unistd::pipe()?;
    let late = |began: Instant| assert!(began.elapsed() >= 2 * MS, "early");
    let began = Instant::now();
    let alarm = Alarm::after(2 * MS)?;
    match alarm.sleep(SECOND) {
        Err(_) => late(began),
        Ok(()) => assert!(began.elapsed() >= SECOND, "woken early"),
    }
    let began = Instant::now();
    alarm.restart();
    match alarm.reader(std::fs::File::from(OwnedFd::try_clone(&read)?)).read(&mut [0]) {
        Err(e) if e.kind() == io::ErrorKind::TimedOut => late(began),
        Err(e) => return Err(e.into()),
        Ok(n) => panic!("{n} bytes from an empty pipe"),
    }
    let began = Instant::now();
    alarm.restart();
    // A signal ends this. If none can be sent, closing the write end does.
    let answer = alarm.blocking(|| Ok(nix::unistd::read(&read, &mut [0])?));
    assert!(began.elapsed() < LATE, "the wait did not end");
    match answer {
        Err(e) if e.kind() == io::ErrorKind::TimedOut => late(began),
        Err(e) => return Err(e.into()),
        Ok(n) => panic!("{n} bytes from an empty pipe"),
    }
    Ok(())
}

fn waits_for_a_child() -> Result<(), Box<dyn Error>> {
    let mut child = Command::new("sleep").arg("0.01").spawn()?;
    let alarm = Alarm::after(20 * SECOND);
    let waited = match &alarm {
        Ok(alarm) => alarm.wait(&mut child).map(drop).map_err(Box::<dyn Error>::from),
        Err(_) => Ok(()),
    };
    // The child still runs, or has been reaped.
    let _ = refusals::uncounted(|| child.wait());
    drop(alarm?);
    waited
}

fn signals() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::builder().after(20 * SECOND).ring_on(SIGUSR1).ring_on(libc::SIGUSR2).arm()?;
    children::raise(SIGUSR1);
    assert!(alarm.check().is_err());
    Ok(())
}

fn limits_on_processor_time() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::builder().cpu_limit(MS).arm()?;
    expires(&alarm, MS);
    drop(alarm);
    expiry(&Alarm::builder().thread_cpu_limit(MS).check_limit(1_000_000).arm()?);
    Ok(())
}

fn tickers() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let ticker = Ticker::every(MS)?;
    let mut ticks = 0;
    spin_until(|| {
        ticks += ticker.ticks();
        ticks >= 3
    });
    assert!(began.elapsed() >= 3 * MS);
    Ok(())
}

fn suspensions() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::after(2 * MS)?;
    suspended(|| std::thread::sleep(MS));
    expires(&alarm, 2 * MS);
    Ok(())
}

fn forks() -> Result<(), Box<dyn Error>> {
    let alarm = Alarm::after(2 * MS)?;
    let pid = unsafe_fork()?;
    if pid == 0 {
        let fine = alarm.check().is_ok()
            && Alarm::after(MS).is_ok_and(|own| {
                expires(&own, MS);
                true
            });
        children::exit_now(i32::from(!fine));
    }
    expires(&alarm, 2 * MS);
    let ended = waitpid(Pid::from_raw(pid), None)?;
    assert!(matches!(ended, WaitStatus::Exited(..)), "{ended:?}");
    Ok(())
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
fn unsafe_fork() -> io::Result<i32> {
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    }
}

#[cfg(feature = "process")]
fn a_job() -> Result<(), Box<dyn Error>> {
    use sigalarm::process::{Job, Output};

    let job = Job::builder().limit(20 * SECOND).memory_limit(1 << 45).cpu_limit(60 * SECOND);
    let job = job.stderr(Output::Null).die_with_parent(true).spawn(|| vec![7_u8; 1000])?;
    assert_eq!(job.join()?, [7; 1000]);
    Ok(())
}

#[cfg(feature = "process")]
fn a_job_without_an_end() -> Result<(), Box<dyn Error>> {
    let job = sigalarm::process::Job::builder().limit(5 * MS).grace(5 * MS);
    match job.spawn(|| -> () { children::pause() })?.join() {
        Err(e) if e.timed_out().is_some_and(|timed_out| timed_out.elapsed() >= 5 * MS) => Ok(()),
        Err(e) => Err(e.into()),
        Ok(()) => unreachable!("it has no end"),
    }
}

fn workers() -> Result<(), Box<dyn Error>> {
    let worker = Worker::spawn(|| -> Result<u8, TimedOut> {
        loop {
            sigalarm::checkpoint()?;
        }
    })?;
    assert!(worker.join_timeout(2 * MS).is_err());
    worker.stop();
    assert!(worker.join_timeout(20 * SECOND)?.is_err());
    Ok(())
}

enum Ended {
    /// The process made at least so many calls, and all is well.
    Well,
    WithoutIt,
}

const WITHOUT_IT: i32 = 10;

/// Runs one life in a forked process in which the `nth` call fails.
fn live(life: Life, call: &str, nth: usize, errno: i32) -> Result<Ended, String> {
    let pid = children::fork();
    if pid == 0 {
        let lived = std::panic::catch_unwind(|| {
            let before = (state(), children::descriptors());
            refusals::refuse(call, nth, errno);
            let outcome = life();
            let failed = refusals::end();
            if let Err(e) = outcome {
                assert!(failed, "an error without a reason: {e}");
                assert!(!e.to_string().is_empty());
            }
            if call == "pthread_sigmask" {
                // A job does not retry to restore the mask. No real kernel refuses that.
                process::mask().into_iter().for_each(process::unblock);
            }
            // The next alarm removes whatever a failed call left in place.
            let alarm = Alarm::after(MS).expect("arming");
            expires(&alarm, MS);
            drop(alarm);
            children::soon("no child is left", || !children::has_children());
            assert_eq!((state(), children::descriptors()), before);
            if failed { 0 } else { WITHOUT_IT }
        });
        children::exit_now(lived.unwrap_or(101));
    }
    let pid = Pid::from_raw(pid);
    let began = Instant::now();
    loop {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, 0)) => return Ok(Ended::Well),
            Ok(WaitStatus::Exited(_, WITHOUT_IT)) => return Ok(Ended::WithoutIt),
            Ok(WaitStatus::StillAlive) if began.elapsed() < 60 * SECOND => std::thread::sleep(US * 500),
            Ok(WaitStatus::StillAlive) => {
                let _ = kill(pid, Signal::SIGKILL);
                let _ = waitpid(pid, None);
                return Err("it hangs".to_owned());
            }
            ended => return Err(format!("{ended:?}")),
        }
    }
}

fn in_turn(life: Life) {
    refusals::prepare();
    let mut failures = Vec::new();
    let mut processes = 0;
    for (call, errnos) in CALLS {
        for errno in *errnos {
            for nth in 1.. {
                processes += 1;
                let name = nix::errno::Errno::from_raw(*errno);
                match live(life, call, nth, *errno) {
                    Ok(Ended::Well) => {}
                    Ok(Ended::WithoutIt) => break,
                    Err(why) => {
                        failures.push(format!("{call} number {nth} fails with {name:?}: {why}"));
                        if failures.len() >= 20 {
                            break;
                        }
                    }
                }
            }
        }
    }
    println!("{processes} processes");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn refused_calls_around_expiries() {
    refuse_around_expiries("setitimer");
}

fn refused_calls_around_expiries_of_private_timers() {
    have_private_timers();
    refuse_around_expiries("timer_settime");
}

/// The kernel refuses one call, and the timer expires at any moment before and after it.
fn refuse_around_expiries(name: &str) {
    refusals::prepare();
    let before = state();
    let mut refused = 0;
    for n in rounds(100_000) {
        let pause = || spin(Duration::from_nanos(n % 80 * 100));
        let limit = 10 * US;
        refusals::refuse(name, n as usize % 6 + 1, EPERM);
        let outer = Alarm::after(2 * limit).expect("arming");
        pause();
        let inner = Alarm::after(limit).expect("arming");
        pause();
        drop(inner);
        outer.restart();
        pause();
        suspended(pause);
        pause();
        drop(outer);
        refused += usize::from(refusals::end());
        // The next alarm disarms what the kernel has refused to disarm.
        drop(Alarm::after(SECOND).expect("arming"));
        assert_eq!(state(), before);
    }
    assert!(refused > 0, "no call was refused");
}

/// The same, for a drop alone.
fn refused_disarm_of_a_timer_about_to_expire() {
    refusals::prepare();
    for n in rounds(50_000) {
        let limit = 20 * US;
        let alarm = Alarm::after(limit).expect("arming");
        spin_until(|| alarm.elapsed() + Duration::from_nanos(n % 80 * 100) >= limit);
        refusals::refuse("setitimer", 1, EPERM);
        drop(alarm);
        refusals::end();
    }
}

macro_rules! lives {
    ($($(#[$meta:meta])* $life:ident),*) => {
        vec![$($(#[$meta])* scenario(stringify!($life), || in_turn($life))),*]
    };
}

pub fn scenarios() -> Vec<Scenario> {
    let mut all = lives![
        a_guard,
        guards_in_guards,
        one_after_the_other,
        behind_a_mask,
        around_a_foreign_timer,
        waits,
        waits_for_a_child,
        signals,
        limits_on_processor_time,
        tickers,
        suspensions,
        forks,
        workers,
        #[cfg(feature = "process")]
        a_job,
        #[cfg(feature = "process")]
        a_job_without_an_end
    ];
    all.extend(scenarios![
        refused_calls_around_expiries,
        refused_calls_around_expiries_of_private_timers,
        refused_disarm_of_a_timer_about_to_expire
    ]);
    all
}
