//! Readers and writers.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::*;
use nix::libc::{self, SIGALRM, SIGUSR1};

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

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        reader_ends_at_the_deadline_and_loses_no_byte,
        read_exact_and_read_to_end_end_at_the_deadline,
        writer_ends_at_the_deadline_and_reports_what_it_wrote,
        ready_and_nonblocking_descriptors_behave_as_documented,
        closed_descriptor_is_an_error,
        foreign_signals_do_not_end_a_wait,
        reader_loses_no_byte_in_a_storm,
        sleep_and_readers_end_without_a_signal,
        #[cfg(target_os = "linux")]
        descriptor_of_epoll_is_waited_for,
    ]
}
