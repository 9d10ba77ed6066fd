//! Calls that block in the kernel end at the deadline.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::*;
use nix::libc::{self, SA_RESTART, SIGALRM, SIGUSR1};
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

fn deadline_just_before_the_end_of_a_sleep_comes_first() {
    let missed = rounds(10_000).filter(|round| {
        let alarm = after(Duration::from_nanos(round * 37 % 60_000));
        let deadline = alarm.deadline().expect("a deadline");
        let end = deadline + Duration::from_nanos(100 + round * 71 % 2_000);
        let slept = alarm.sleep(end.saturating_duration_since(Instant::now()));
        // The sleep was not too short.
        slept.is_ok() && Instant::now() >= end && end > deadline
    });
    assert_eq!(missed.count(), 0);
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

fn reader_ends_at_the_deadline_and_loses_no_byte() {
    let (here, mut there) = pair();
    there.write_all(b"one\ntwo\nthr").expect("room");
    let alarm = after(SECOND);
    let mut reader = BufReader::new(alarm.reader(&here));
    let mut line = String::new();
    for expected in ["one\n", "two\n"] {
        line.clear();
        reader.read_line(&mut line).expect("a line");
        assert_eq!(line, expected);
    }
    line.clear();
    let e = reader.read_line(&mut line).expect_err("no line end comes");
    assert!(alarm.owns(inside(&e)));
    assert_eq!(inside(&e).location().file(), file!());
    in_time(&alarm, SECOND);
    there.write_all(b"ee\n").expect("room");
    drop(there);
    let mut rest = line.into_bytes();
    rest.extend_from_slice(reader.buffer());
    alarm.restart();
    reader.into_inner().read_to_end(&mut rest).expect("the end");
    assert_eq!(rest, b"three\n");
}

fn read_exact_and_read_to_end_end_at_the_deadline() {
    let (here, mut there) = pair();
    there.write_all(b"abc").expect("room");
    let alarm = after(SECOND);
    let mut buffer = [0; 8];
    inside(&alarm.reader(&here).read_exact(&mut buffer).expect_err("five bytes are missing"));
    assert_eq!(&buffer[..3], b"abc");
    alarm.restart();
    there.write_all(b"def").expect("room");
    let mut all = Vec::new();
    inside(&alarm.reader(&here).read_to_end(&mut all).expect_err("no end comes"));
    assert_eq!(all, b"def");
}

fn writer_ends_at_the_deadline_and_reports_what_it_wrote() {
    let (here, mut there) = pair();
    let bytes: Vec<u8> = (0..4_000_000_u32).map(|n| n as u8).collect();
    let alarm = after(SECOND);
    let mut written = 0;
    let e = loop {
        match alarm.writer(&here).write(&bytes[written..]) {
            Ok(n) => written += n,
            Err(e) => break e,
        }
    };
    assert!(alarm.owns(inside(&e)));
    in_time(&alarm, SECOND);
    assert!(written > 0 && written < bytes.len(), "{written} bytes");
    drop(here);
    let mut arrived = Vec::new();
    there.read_to_end(&mut arrived).expect("the end");
    assert_eq!(arrived, bytes[..written], "the reported bytes arrive");
}

fn ready_and_nonblocking_descriptors_behave_as_documented() {
    let alarm = after(60 * SECOND);
    let mut text = String::new();
    alarm.reader(File::open("/proc/self/stat").expect("a file")).read_to_string(&mut text).expect("text");
    assert!(text.starts_with(&std::process::id().to_string()));
    let (here, there) = pair();
    assert_eq!(alarm.reader(&here).read(&mut []).expect("nothing"), 0);
    assert_eq!(alarm.writer(&here).write(&[]).expect("nothing"), 0);
    here.set_nonblocking(true).expect("set");
    let short = after(20 * MS);
    inside(&short.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
    short.restart();
    inside(&short.writer(&here).write_all(&vec![0; 4_000_000]).expect_err("the pipe is full"));
    // After the peer closes: end of file, and a broken pipe.
    drop(short);
    drop(there);
    assert_eq!(alarm.reader(&here).read(&mut [0; 8]).map_err(|e| e.kind()).unwrap_or(0), 0);
    assert_eq!(alarm.writer(&here).write(b"x").expect_err("gone").kind(), ErrorKind::BrokenPipe);
    // An expired alarm errs first, even if the descriptor is ready.
    let expired = after(Duration::ZERO);
    inside(&expired.reader(File::open("/dev/zero").expect("zeroes")).read(&mut [0; 8]).expect_err("expired"));
    inside(&expired.reader(File::open("/dev/zero").expect("zeroes")).read(&mut []).expect_err("expired"));
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // `borrow_raw` of a closed descriptor.
fn closed_descriptor_is_an_error() {
    let (here, _there) = pair();
    let closed = unsafe { UnixStream::from_raw_fd(here.as_raw_fd()) };
    drop(here);
    let alarm = after(60 * SECOND);
    let e = alarm.reader(&closed).read(&mut [0; 8]).expect_err("closed");
    assert_eq!(e.raw_os_error(), Some(libc::EBADF));
    assert!(alarm.check().is_ok());
    std::mem::forget(closed);
}

#[cfg(target_os = "linux")]
fn descriptor_of_epoll_is_waited_for() {
    let event = nix::sys::eventfd::EventFd::from_value(0).expect("an eventfd");
    let event = File::from(OwnedFd::from(event));
    let alarm = after(SECOND);
    inside(&alarm.reader(&event).read(&mut [0; 8]).expect_err("no event"));
    (&event).write_all(&7_u64.to_ne_bytes()).expect("an event");
    alarm.restart();
    let mut count = [0; 8];
    alarm.reader(&event).read_exact(&mut count).expect("an event");
    assert_eq!(u64::from_ne_bytes(count), 7);
}

fn waits_work_with_no_descriptors_left() {
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, 3, 3).expect("a limit");
    let alarm = after(30 * MS);
    assert!(File::open("/dev/null").is_err());
    assert!(alarm.sleep(LATE).is_err());
    in_time(&alarm, 30 * MS);
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

fn foreign_signals_do_not_end_a_wait() {
    process::count_signals();
    let (here, _there) = pair();
    let alarm = after(SECOND);
    let main = nix::sys::pthread::pthread_self() as usize;
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                process::kill_self(SIGALRM);
                let _ = nix::sys::pthread::pthread_kill(main as libc::pthread_t, nix::sys::signal::SIGALRM);
                std::thread::sleep(MS);
            }
        });
        inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
        stop.store(true, Ordering::Relaxed);
    });
    in_time(&alarm, SECOND);
    assert!(process::counted() > 0);
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

fn ten_thousand_races_of_deadline_and_call_end() {
    let (here, _there) = pair();
    for n in rounds(10_000) {
        let limit = Duration::from_nanos(n * 7_919 % 40_000);
        let began = Instant::now();
        let alarm = after(limit);
        for _ in 0..n % 97 {
            std::hint::black_box(());
        }
        let e = alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes");
        assert!(alarm.owns(inside(&e)) && began.elapsed() >= limit);
        assert!(began.elapsed() < LATE, "try {n} took {:?}", began.elapsed());
    }
}

fn ten_thousand_races_on_a_second_thread_end() {
    // The kernel delivers the signal to the main thread, which waits in `join`.
    std::thread::spawn(ten_thousand_races_of_deadline_and_call_end).join().expect("no panic");
    assert_eq!(process::timer().0, Duration::ZERO);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn races_on_four_threads_end() {
    let done = AtomicUsize::new(0);
    std::thread::scope(|s| {
        for thread in 0..4_u64 {
            let done = &done;
            s.spawn(move || {
                let (here, _there) = pair();
                for n in rounds(1_500) {
                    let alarm = after(Duration::from_nanos((n * 7_919 + thread * 104_729) % 60_000));
                    let e = alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes");
                    assert!(alarm.owns(inside(&e)));
                    assert!(alarm.elapsed() < LATE);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(done.load(Ordering::SeqCst), 4);
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

/// Both threads have SIGALRM blocked.
fn entered_thread_blocks_until_the_deadline() {
    process::block(SIGALRM);
    let alarm = after(30 * MS);
    std::thread::scope(|s| {
        s.spawn(|| {
            process::block(SIGALRM);
            let (here, _there) = pair();
            inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
            assert!(process::mask().contains(&SIGALRM));
        });
    });
    in_time(&alarm, 30 * MS);
}

/// The alarm has no deadline. SIGALRM is blocked.
fn pending_signal_stays_pending_during_a_wait() {
    process::count_signals();
    process::block(SIGALRM);
    process::kill_self(SIGALRM);
    let alarm = never();
    for _ in 0..100 {
        assert!(alarm.sleep(MS / 100).is_ok() && alarm.blocking(|| Ok(())).is_ok());
        assert_eq!((process::counted(), process::is_pending(SIGALRM)), (0, true));
    }
    drop(alarm);
    process::unblock(SIGALRM);
    assert_eq!(process::counted(), 1);
}

/// The old timer expires between the thread's check and its wait. The new deadline must still end the wait.
fn restart_before_another_thread_blocks_ends_its_wait() {
    let (here, there) = pair();
    let alarm = after(200 * MS);
    let began = Instant::now();
    alarm.disarm();
    let (about_to_wait, is_about_to_wait) = std::sync::mpsc::channel();
    std::thread::scope(|s| {
        let waiter = s.spawn(|| {
            let mut first = true;
            let read = alarm.blocking(|| {
                if std::mem::take(&mut first) {
                    about_to_wait.send(()).expect("a receiver");
                    while began.elapsed() < 300 * MS {}
                }
                (&here).read(&mut [0; 8])
            });
            inside(&read.expect_err("nothing comes"));
        });
        is_about_to_wait.recv().expect("it is");
        alarm.restart();
        while !waiter.is_finished() && alarm.elapsed() < LATE {
            std::thread::sleep(MS);
        }
        drop(there);
    });
    in_time(&alarm, 200 * MS);
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
        while own.check().is_ok() {}
        drop(own);
        assert_eq!(process::state(), before);
    });
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn nix_fork() -> i32 {
    unsafe { libc::fork() }
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The bare call, with pointers to locals.
fn reader_loses_no_byte_in_a_storm() {
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = process::counting();
        assert_eq!(libc::sigaction(SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let (here, mut there) = pair();
    let alarm = after(60 * SECOND);
    std::thread::scope(|s| {
        s.spawn(|| {
            for n in 0..200_u8 {
                process::kill_self(SIGUSR1);
                there.write_all(&[n]).expect("room");
                std::thread::sleep(Duration::from_micros(200));
            }
            drop(there);
        });
        let mut all = Vec::new();
        alarm.reader(&here).read_to_end(&mut all).expect("the end");
        assert_eq!(all, (0..200).collect::<Vec<u8>>());
    });
}

/// The blocked thread still gets its own signal.
fn wait_ends_though_a_foreign_timer_expires_with_it() {
    process::count_signals();
    std::thread::spawn(|| {
        let (here, _there) = pair();
        for n in rounds(1_500) {
            process::once(Duration::from_micros(300 + n % 60));
            let alarm = after(Duration::from_micros(280));
            inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
        }
    })
    .join()
    .expect("no panic");
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

/// SIGALRM is blocked, or the program has changed the timer.
fn sleep_and_readers_end_without_a_signal() {
    let (here, _there) = pair();
    let alarm = after(30 * MS);
    process::block(SIGALRM);
    let before = cpu_time();
    inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
    in_time(&alarm, 30 * MS);
    alarm.restart();
    assert!(alarm.sleep(LATE).is_err());
    in_time(&alarm, 30 * MS);
    assert!(cpu_time() - before < 500 * MS, "it spins");
    process::unblock(SIGALRM);
    drop(alarm);
    let alarm = after(50 * MS);
    std::thread::scope(|s| {
        s.spawn(|| {
            std::thread::sleep(10 * MS);
            process::disarm();
        });
        inside(&alarm.reader(&here).read(&mut [0; 8]).expect_err("nothing comes"));
    });
    in_time(&alarm, 50 * MS);
}

/// No signal meets the program's disposition.
fn suspended_beside_waits_lets_no_signal_through() {
    let stop = AtomicBool::new(false);
    std::thread::scope(|s| {
        for thread in 0..3_u64 {
            let stop = &stop;
            s.spawn(move || {
                let (here, _there) = pair();
                let mut n = thread;
                while !stop.load(Ordering::Relaxed) {
                    let alarm = after(Duration::from_micros(100 + n * 37 % 2_000));
                    inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
                    n += 1;
                }
            });
        }
        for _ in rounds(100_000) {
            sigalarm::suspended(|| ());
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

/// No signal meets the program's disposition, before the first handler either.
fn wait_under_suspension_lets_no_signal_through() {
    let wait = || {
        let (waits, over) = (AtomicBool::new(false), AtomicBool::new(false));
        sigalarm::suspended(|| {
            std::thread::scope(|s| {
                s.spawn(|| {
                    let alarm = after(100 * SECOND);
                    let waited = alarm.blocking(|| {
                        waits.store(true, Ordering::SeqCst);
                        while !over.load(Ordering::SeqCst) {
                            std::thread::yield_now();
                        }
                        Ok(())
                    });
                    waited.expect("nothing has expired");
                });
                while !waits.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                // Expiry signals blocked threads.
                assert!(after(Duration::ZERO).check().is_err());
                over.store(true, Ordering::SeqCst);
            });
        });
        assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
    };
    wait();
    let _alarm = after(100 * SECOND);
    assert_eq!(process::in_child(wait), 0);
}

/// A signal sent to the thread is discarded.
fn blocking_ends_when_signal_stays_blocked() {
    process::count_signals();
    let waited = AtomicUsize::new(0);
    let mut limit = 5 * MS;
    while waited.load(Ordering::SeqCst) < 20 {
        let alarm = after(limit);
        let before = waited.load(Ordering::SeqCst);
        std::thread::scope(|s| {
            s.spawn(|| {
                let _ = alarm.blocking(|| {
                    process::block(SIGALRM);
                    waited.fetch_add(1, Ordering::SeqCst);
                    while alarm.check().is_ok() {}
                    std::thread::sleep(MS);
                    Ok(())
                });
            });
        });
        if waited.load(Ordering::SeqCst) == before {
            limit *= 2; // It had expired before the wait.
        }
    }
    assert_eq!(process::counted(), 0, "the library's signal was forwarded");
}

/// A signal sent to the thread stays pending, and would take the default action later.
fn handler_stays_while_a_blocked_thread_blocks_the_signal() {
    // The alarm may expire before the wait.
    let limits = (0..).map(|n| 5 * MS * (1 << n));
    limits.take(12).find(|&limit| has_blocked_sigalrm(limit)).expect("a wait");
    assert_eq!(process::action().sa_sigaction, libc::SIG_DFL);
}

fn has_blocked_sigalrm(limit: Duration) -> bool {
    let alarm = after(limit);
    let (shut, done) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|s| {
        let waits = s.spawn(|| {
            let _ = alarm.blocking(|| {
                process::block(SIGALRM);
                shut.store(true, Ordering::SeqCst);
                while !done.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                process::unblock(SIGALRM);
                Ok(())
            });
        });
        while !shut.load(Ordering::SeqCst) {
            if waits.is_finished() {
                return;
            }
            std::thread::yield_now();
        }
        while alarm.check().is_ok() {}
        sigalarm::suspended(|| {
            done.store(true, Ordering::SeqCst);
            std::thread::sleep(20 * MS);
        });
    });
    shut.into_inner()
}

/// During a wait the library's handler is installed, and afterwards the other one again. Signals in between go to the
/// other handler.
fn wait_ends_under_a_handler_with_sa_restart(forwards: bool) {
    static LIBRARY: AtomicUsize = AtomicUsize::new(0);
    static SENT: AtomicUsize = AtomicUsize::new(0);
    static EXPIRIES: AtomicUsize = AtomicUsize::new(0);
    #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // The kernel's own pointers.
    extern "C" fn outer_handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        let sent = unsafe { (*info).si_code } == libc::SI_USER;
        if sent { &SENT } else { &EXPIRIES }.fetch_add(1, Ordering::SeqCst);
        type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
        match LIBRARY.load(Ordering::SeqCst) {
            0 => {}
            // signal-hook forwards in this way.
            library => unsafe { std::mem::transmute::<usize, Handler>(library)(signal, info, context) },
        }
    }
    let handler = outer_handler as extern "C" fn(_, _, _) as usize;
    let _outer = after(100 * SECOND);
    if forwards {
        LIBRARY.store(process::action().sa_sigaction, Ordering::SeqCst);
    }
    process::set_action(handler, SA_RESTART | libc::SA_SIGINFO, &[SIGUSR1]);
    let before = process::state();
    for on_a_worker in [false, true] {
        let alarm = after(30 * MS);
        let (here, _there) = pair();
        let wait = || _ = inside(&alarm.blocking(|| (&here).read(&mut [0; 8])).expect_err("nothing comes"));
        if on_a_worker {
            std::thread::scope(|s| s.spawn(wait).join().map(drop)).expect("it does not panic");
        } else {
            wait();
        }
        in_time(&alarm, 30 * MS);
        drop(alarm);
        let alarm = after(60 * SECOND);
        let calls_before = SENT.load(Ordering::SeqCst);
        let sent = alarm.blocking(|| {
            process::kill_self(SIGALRM);
            Ok(())
        });
        sent.expect("at once");
        children::soon("a call of the handler", || SENT.load(Ordering::SeqCst) == calls_before + 1);
        drop(alarm);
        process::kill_self(SIGALRM);
        assert_eq!(SENT.load(Ordering::SeqCst), calls_before + 2, "once each");
        let after = process::state();
        assert_eq!(after, process::State { timer: after.timer, ..before.clone() });
    }
    let expiries_before = EXPIRIES.load(Ordering::SeqCst);
    let alarm = after(MS);
    children::soon("signals go to the program's handler again", || {
        EXPIRIES.load(Ordering::SeqCst) > expiries_before
    });
    drop(alarm);
    drop(_outer);
    assert_eq!(process::action().sa_sigaction, handler);
}

/// The default action below the library's handler would end the process.
fn signals_during_the_exchange_of_handlers_reach_the_outer_one() {
    let _outer = after(100 * SECOND);
    process::count_signals();
    let over = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                process::kill_self(SIGALRM);
            }
        });
        let alarm = after(90 * SECOND);
        // The number of signals depends on the load.
        for waits in 0_u32.. {
            if waits >= 20_000 && process::counted() > 1_000 {
                break;
            }
            alarm.blocking(|| Ok(())).expect("at once");
        }
        over.store(true, Ordering::SeqCst);
    });
    assert_eq!(process::action().sa_sigaction, process::counting());
}

/// RLIMIT_SIGPENDING forbids a private timer. A call that only a signal can end is refused.
#[cfg(target_os = "linux")]
fn blocking_is_refused_if_no_more_signals_may_be_queued() {
    let limit = nix::sys::resource::Resource::RLIMIT_SIGPENDING;
    nix::sys::resource::setrlimit(limit, 0, 0).expect("a limit");
    let alarm = after(60 * SECOND);
    let e = alarm.blocking(|| Ok(())).expect_err("no timer");
    assert!(e.to_string().contains("timer_create"), "{e}");
    let alarm = after(5 * MS);
    let began = Instant::now();
    assert!(alarm.sleep(60 * SECOND).is_err());
    assert!(alarm.elapsed() >= 5 * MS && began.elapsed() < 20 * SECOND);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        sleep_ends_at_its_time_or_the_deadline,
        deadline_just_before_the_end_of_a_sleep_comes_first,
        sleep_ends_at_a_ring,
        reader_ends_at_the_deadline_and_loses_no_byte,
        read_exact_and_read_to_end_end_at_the_deadline,
        writer_ends_at_the_deadline_and_reports_what_it_wrote,
        ready_and_nonblocking_descriptors_behave_as_documented,
        closed_descriptor_is_an_error,
        waits_work_with_no_descriptors_left,
        wait_for_a_child_ends_at_the_deadline,
        blocking_ends_a_bare_call_at_the_deadline,
        #[cfg(target_os = "linux")] // The name of the socket.
        blocking_ends_calls_that_wait_for_a_peer,
        foreign_signals_do_not_end_a_wait,
        calls_outside_of_blocking_are_not_interrupted,
        ten_thousand_races_of_deadline_and_call_end,
        ten_thousand_races_on_a_second_thread_end,
        races_on_four_threads_end,
        entered_thread_blocks_until_the_deadline,
        pending_signal_stays_pending_during_a_wait,
        restart_before_another_thread_blocks_ends_its_wait,
        nested_wait_ends_at_its_own_deadline,
        waiting_uses_no_processor_time,
        child_forked_during_a_wait_starts_clean,
        child_drops_its_last_alarm_during_a_wait,
        reader_loses_no_byte_in_a_storm,
        wait_ends_though_a_foreign_timer_expires_with_it,
        no_signal_is_sent_after_the_last_wait,
        sleep_and_readers_end_without_a_signal,
        suspended_beside_waits_lets_no_signal_through,
        wait_under_suspension_lets_no_signal_through,
        wait_ends_under_a_handler_with_sa_restart = || wait_ends_under_a_handler_with_sa_restart(false),
        wait_ends_under_a_handler_that_forwards = || wait_ends_under_a_handler_with_sa_restart(true),
        signals_during_the_exchange_of_handlers_reach_the_outer_one,
        blocking_ends_when_signal_stays_blocked,
        handler_stays_while_a_blocked_thread_blocks_the_signal,
        #[cfg(target_os = "linux")]
        descriptor_of_epoll_is_waited_for,
        #[cfg(target_os = "linux")]
        blocking_is_refused_if_no_more_signals_may_be_queued,
    ]
}
