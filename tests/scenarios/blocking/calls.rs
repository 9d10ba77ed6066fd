//! Sleeps, bare calls, children.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::*;
use nix::libc::{self, SIGUSR1};
use sigalarm::{Alarm, Cause};

fn sleep_ends_at_its_time_or_the_deadline() {
    let long = after(60 * SECOND);
    assert!(long.sleep(5 * MS).is_ok());
    assert!(long.elapsed() >= 5 * MS);
    assert!(long.sleep(Duration::ZERO).is_ok());
    drop(long);
    let alarm = after(30 * MS);
    let e = alarm.sleep(LATE).expect_err("the alarm comes first");
    assert!(alarm.owns(&e));
    in_time(&alarm, 30 * MS);
    assert!(alarm.sleep(Duration::ZERO).is_err(), "expired");
    let forever = never();
    alarm.restart();
    let e = forever.sleep(Duration::MAX).expect_err("the outer alarm comes first");
    assert!(alarm.owns(&e));
}

fn sleep_ends_at_a_ring() {
    let alarm = never();
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(20 * MS);
            alarm.ring();
        });
        assert_eq!(alarm.sleep(Duration::MAX).expect_err("rung").cause(), Cause::Rung);
    });
    in_time(&alarm, 20 * MS);
}

fn wait_for_a_child_ends_at_the_deadline() {
    let mut child = Command::new("sleep").arg("30").spawn().expect("a sleep");
    let alarm = after(30 * MS);
    assert!(alarm.owns(inside(&alarm.wait(&mut child).expect_err("half a minute"))));
    in_time(&alarm, 30 * MS);
    // The child still runs. After a kill it can be waited for repeatedly.
    child.kill().expect("alive");
    alarm.restart();
    alarm.extend(LATE);
    assert!(!alarm.wait(&mut child).expect("dead").success());
    assert!(!alarm.wait(&mut child).expect("still dead").success());

    // `wait` closes the child's standard input, as `Child::wait` does.
    let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().expect("a cat");
    assert!(alarm.wait(&mut cat).expect("it has read to the end").success());

    let mut gone = Command::new("true").spawn().expect("a true");
    nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(gone.id() as i32), None).expect("a child");
    assert_eq!(alarm.wait(&mut gone).expect_err("gone").raw_os_error(), Some(libc::ECHILD));
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn blocking_ends_a_bare_call_at_the_deadline() {
    // A plain system call that returns EINTR.
    let alarm = after(30 * MS);
    let pause = || match unsafe { libc::pause() } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    };
    assert!(alarm.owns(inside(&alarm.blocking(pause).expect_err("nothing else comes"))));
    in_time(&alarm, 30 * MS);
    drop(alarm);
    let alarm = after(60 * SECOND);
    let e = alarm.blocking(|| Err::<(), _>(io::Error::from_raw_os_error(libc::EPERM))).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(libc::EPERM));
    assert_eq!(alarm.blocking(|| Ok(7)).expect("a value"), 7);
}

/// Bare calls: the standard library would retry after EINTR.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Bare calls, with pointers to locals.
fn blocking_ends_calls_that_wait_for_a_peer() {
    let answer = |result: libc::c_int| match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    };
    let ends = |call: &dyn Fn() -> libc::c_int| {
        let alarm = after(30 * MS);
        assert!(alarm.owns(inside(&alarm.blocking(|| answer(call())).expect_err("no peer"))));
        in_time(&alarm, 30 * MS);
    };

    let name = format!("sigalarm-{}", std::process::id());
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // A zero first byte makes an abstract socket name.
    for (to, from) in address.sun_path[1..].iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    let (address, length) = ((&raw const address).cast(), size_of_val(&address) as libc::socklen_t);
    let socket = || unsafe { OwnedFd::from_raw_fd(libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)) };
    let listener = socket();
    assert!(answer(unsafe { libc::bind(listener.as_raw_fd(), address, length) }).is_ok());
    assert!(answer(unsafe { libc::listen(listener.as_raw_fd(), 0) }).is_ok());
    ends(&|| unsafe { libc::accept(listener.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut()) });

    let (first, second) = (socket(), socket());
    assert!(answer(unsafe { libc::connect(first.as_raw_fd(), address, length) }).is_ok());
    ends(&|| unsafe { libc::connect(second.as_raw_fd(), address, length) }); // the backlog has space for one

    let mut child = Command::new("sleep").arg("30").spawn().expect("a sleep");
    let id = child.id() as libc::pid_t;
    ends(&|| unsafe { libc::waitpid(id, std::ptr::null_mut(), 0) });
    child.kill().expect("alive");
    child.wait().expect("dead");
}

/// A guard interrupts no call outside of `blocking`, even while another thread blocks.
fn calls_outside_of_blocking_are_not_interrupted() {
    let (here, _there) = pair();
    let alarm = after(10 * MS);
    inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
    alarm.restart();
    let (mut plain, there) = pair();
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(60 * MS);
            drop(there);
        });
        assert_eq!(plain.read(&mut [0; 8]).expect("no EINTR"), 0);
    });
    assert!(alarm.check().is_err());
}

fn nested_wait_ends_at_its_own_deadline() {
    let (here, _there) = pair();
    for n in 0..200_u64 {
        let alarm = after(Duration::from_micros(n * 10));
        let inner = || alarm.blocking(|| (&here).read(&mut [0; 8]));
        inside(&alarm.blocking(inner).expect_err("nothing comes"));
    }
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

/// A blocked thread is woken periodically where a signal might have been missed.
fn waiting_uses_no_processor_time() {
    let (here, _there) = pair();
    let wait = |alarm: &Alarm| {
        let before = cpu_time();
        inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
        let used = cpu_time() - before;
        assert!(used < 100 * MS, "{used:?} of processor time in half a second of waiting");
    };
    wait(&after(500 * MS));
    wait(&Alarm::builder().after(500 * MS).ring_on(SIGUSR1).arm().expect("arming"));
    let (sender, go) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|s| {
        s.spawn(move || {
            let expired = after(Duration::ZERO);
            let _ = go.recv();
            assert!(expired.is_expired());
        });
        std::thread::sleep(20 * MS);
        wait(&after(500 * MS));
        drop(sender);
    });
}

fn child_forked_during_a_wait_starts_clean() {
    let before = process::action().sa_sigaction;
    let alarm = after(60 * SECOND);
    let status = alarm.blocking(|| {
        Ok(process::in_child(|| {
            assert_eq!(process::action().sa_sigaction, before);
            let own = after(5 * MS);
            let (here, _there) = pair();
            inside(&own.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
            drop(own);
            assert_eq!(process::action().sa_sigaction, before);
        }))
    });
    assert_eq!(status.expect("a status"), 0);
    let (here, _there) = pair();
    let parent = std::process::id();
    let status = alarm.blocking(|| match nix_fork() {
        0 => Ok(None),
        child => Ok(Some(nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None)?)),
    });
    if std::process::id() != parent {
        let clean = process::action().sa_sigaction == before && alarm.check().is_ok();
        std::process::exit(if clean { 0 } else { 1 });
    }
    let status = status.expect("a status").expect("the parent's");
    assert!(matches!(status, nix::sys::wait::WaitStatus::Exited(_, 0)), "{status:?}");
    alarm.ring();
    inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("rung"));
}

fn child_drops_its_last_alarm_during_a_wait() {
    let before = process::state();
    let alarm = after(60 * SECOND);
    process::passes_in_child(|| {
        let mut own = Some(after(50 * SECOND));
        let waited = alarm.blocking(|| {
            own = None;
            Ok(())
        });
        waited.expect("at once");
        assert_eq!(process::state(), before);
        let own = after(MS);
        expiry(&own);
        drop(own);
        assert_eq!(process::state(), before);
    });
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn nix_fork() -> i32 {
    unsafe { libc::fork() }
}

fn no_signal_is_sent_after_the_last_wait() {
    let alarm = after(100 * SECOND);
    alarm
        .blocking(|| {
            alarm.disarm();
            Ok(())
        })
        .expect("at once");
    assert_eq!(process::timer().1, Duration::ZERO);
    let alarm = after(100 * SECOND);
    alarm.blocking(|| Ok(())).expect("at once");
    assert_eq!(process::timer().1, Duration::ZERO);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        sleep_ends_at_its_time_or_the_deadline,
        sleep_ends_at_a_ring,
        wait_for_a_child_ends_at_the_deadline,
        blocking_ends_a_bare_call_at_the_deadline,
        #[cfg(target_os = "linux")] // The name of the socket.
        blocking_ends_calls_that_wait_for_a_peer,
        calls_outside_of_blocking_are_not_interrupted,
        nested_wait_ends_at_its_own_deadline,
        waiting_uses_no_processor_time,
        child_forked_during_a_wait_starts_clean,
        child_drops_its_last_alarm_during_a_wait,
        no_signal_is_sent_after_the_last_wait,
    ]
}
