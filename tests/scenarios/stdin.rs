//! Standard input under a limit, with std's process-wide buffer.

use std::fs::File;
use std::io::{self, BufRead, Read, Write, stdin};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use crate::support::*;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::SIGUSR1;
use sigalarm::{Alarm, ArmError, Cause};

/// Makes standard input a pipe. Returns the write end.
fn piped() -> File {
    let (read, write) = nix::unistd::pipe().expect("a pipe");
    nix::unistd::dup2_stdin(read).expect("standard input");
    write.into()
}

fn read_line(alarm: &Alarm, line: &mut String) -> io::Result<usize> {
    alarm.reader(stdin().lock()).read_line(line)
}

fn std_reads_a_line() -> String {
    let mut line = String::new();
    stdin().read_line(&mut line).expect("a line");
    line
}

fn line_in_the_buffer_of_std_is_read() {
    let mut writer = piped();
    writer.write_all(b"one\ntwo\nthree\n").expect("room");
    assert_eq!(std_reads_a_line(), "one\n");
    let alarm = after(LATE);
    let mut line = String::new();
    assert_eq!(read_line(&alarm, &mut line).expect("a line"), 4);
    assert_eq!(line, "two\n");
    assert_eq!(std_reads_a_line(), "three\n");
}

fn bytes_in_the_buffer_of_std_are_read() {
    let mut writer = piped();
    writer.write_all(b"one\ntwothree").expect("room");
    assert_eq!(std_reads_a_line(), "one\n");
    let alarm = after(LATE);
    let mut word = [0; 3];
    alarm.reader(stdin()).read_exact(&mut word).expect("three bytes");
    assert_eq!(&word, b"two");
    let mut word = [0; 5];
    alarm.reader(stdin().lock()).read_exact(&mut word).expect("five bytes");
    assert_eq!(&word, b"three");
    let inner = after(20 * MS);
    let e = inner.reader(stdin()).read(&mut word).expect_err("there is no more");
    assert!(inner.owns(inside(&e)));
}

fn line_in_parts_is_not_lost() {
    let mut writer = piped();
    let mut line = String::new();
    writer.write_all(b"na").expect("room");
    let alarm = after(SECOND / 2);
    let e = read_line(&alarm, &mut line).expect_err("half a line");
    assert!(alarm.owns(inside(&e)));
    assert_eq!(inside(&e).location().file(), file!());
    in_time(&alarm, SECOND / 2);
    assert_eq!(line, "na");
    writer.write_all(b"me\n").expect("room");
    drop(alarm);
    let alarm = after(LATE);
    assert_eq!(read_line(&alarm, &mut line).expect("the rest"), 3);
    assert_eq!(line, "name\n");
}

/// `read_line` needs whole characters in each call.
fn character_in_parts_is_not_lost_in_bytes() {
    let mut writer = piped();
    let (first, rest) = "né\n".as_bytes().split_at(2);
    let mut line = Vec::new();
    writer.write_all(first).expect("room");
    let alarm = after(SECOND / 2);
    let e = alarm.reader(stdin().lock()).read_until(b'\n', &mut line).expect_err("half a character");
    assert!(alarm.owns(inside(&e)));
    drop(alarm);
    writer.write_all(rest).expect("room");
    after(LATE).reader(stdin().lock()).read_until(b'\n', &mut line).expect("the rest");
    assert_eq!(line, "né\n".as_bytes());
}

fn line_within_the_limit_is_returned() {
    let mut writer = piped();
    let alarm = after(LATE);
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(20 * MS);
            writer.write_all(b"late\n").expect("room");
        });
        let mut line = String::new();
        read_line(&alarm, &mut line).expect("a line");
        assert_eq!(line, "late\n");
    });
}

fn ring_ends_a_read() {
    let _writer = piped();
    let alarm = never();
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(20 * MS);
            alarm.ring();
        });
        let e = read_line(&alarm, &mut String::new()).expect_err("rung");
        assert_eq!(inside(&e).cause(), Cause::Rung);
    });
    alarm.restart();
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(20 * MS);
            alarm.ring();
        });
        let e = alarm.reader(stdin()).read(&mut [0]).expect_err("rung");
        assert_eq!(inside(&e).cause(), Cause::Rung);
    });
}

fn signal_ends_a_read() {
    let _writer = piped();
    let alarm = Alarm::builder().ring_on(SIGUSR1).arm().expect("arming");
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(20 * MS);
            process::kill_self(SIGUSR1);
        });
        let e = read_line(&alarm, &mut String::new()).expect_err("the signal");
        assert_eq!(inside(&e).cause(), Cause::Signal(SIGUSR1));
    });
}

fn enclosing_alarm_ends_a_read() {
    let _writer = piped();
    let outer = after(20 * MS);
    let inner = never();
    let e = read_line(&inner, &mut String::new()).expect_err("the outer limit");
    assert!(outer.owns(inside(&e)));
}

fn read_on_a_worker_ends_at_the_deadline() {
    let mut writer = piped();
    writer.write_all(b"one\ntwo\n").expect("room");
    assert_eq!(std_reads_a_line(), "one\n");
    thread::spawn(|| {
        let mut line = String::new();
        read_line(&after(LATE), &mut line).expect("a line");
        assert_eq!(line, "two\n");
        let alarm = after(20 * MS);
        assert!(alarm.owns(inside(&read_line(&alarm, &mut line).expect_err("no more"))));
        assert!(alarm.elapsed() >= 20 * MS && alarm.elapsed() < LATE);
    })
    .join()
    .expect("no panic");
}

fn expired_alarm_reads_nothing() {
    let mut writer = piped();
    writer.write_all(b"one\n").expect("room");
    let alarm = after(Duration::ZERO);
    assert!(alarm.owns(inside(&read_line(&alarm, &mut String::new()).expect_err("expired"))));
    drop(alarm);
    assert_eq!(std_reads_a_line(), "one\n");
}

fn read_to_the_end_of_the_file_is_complete() {
    let mut writer = piped();
    writer.write_all(b"one\ntwo\nrest").expect("room");
    drop(writer);
    let alarm = after(LATE);
    let lines: Vec<String> = alarm.reader(stdin().lock()).lines().map(|line| line.expect("a line")).collect();
    assert_eq!(lines, ["one", "two", "rest"]);
    assert_eq!(read_line(&alarm, &mut String::new()).expect("the end"), 0);
    assert_eq!(io::read_to_string(alarm.reader(stdin())).expect("the end"), "");
}

/// Another process on the same terminal may set this mode.
fn nonblocking_stdin_is_waited_for() {
    let mut writer = piped();
    fcntl(stdin().as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("a mode");
    writer.write_all(b"one\ntwo\n").expect("room");
    assert_eq!(std_reads_a_line(), "one\n");
    let alarm = after(LATE);
    let mut line = String::new();
    read_line(&alarm, &mut line).expect("a line");
    assert_eq!(line, "two\n");
    line.clear();
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(20 * MS);
            writer.write_all(b"three\n").expect("room");
        });
        read_line(&alarm, &mut line).expect("a line");
    });
    assert_eq!(line, "three\n");
    let inner = after(20 * MS);
    assert!(inner.owns(inside(&read_line(&inner, &mut line).expect_err("no more"))));
    assert!(inner.elapsed() >= 20 * MS && inner.elapsed() < LATE);
}

/// Input that arrived within the limit is returned. The next read errs.
fn line_is_complete_though_the_limit_has_passed() {
    let mut writer = piped();
    writer.write_all(b"one\ntwo\n").expect("room");
    let alarm = never();
    let mut reader = alarm.reader(stdin().lock());
    assert_eq!(reader.fill_buf().expect("bytes"), b"one\ntwo\n");
    alarm.ring();
    reader.consume(4);
    assert!(reader.fill_buf().is_err());
    drop(reader);
    assert_eq!(std_reads_a_line(), "two\n");
}

#[cfg(target_os = "linux")]
fn read_without_a_timer_is_refused() {
    let mut writer = piped();
    writer.write_all(b"one\n").expect("room");
    let limit = nix::sys::resource::Resource::RLIMIT_SIGPENDING;
    nix::sys::resource::setrlimit(limit, 0, 0).expect("a limit");
    // The thread has no timer yet.
    let read = || read_line(&after(LATE), &mut String::new());
    let e = thread::spawn(read).join().expect("no panic").expect_err("no timer");
    assert!(e.get_ref().is_some_and(|e| e.is::<ArmError>()), "{e}");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        line_in_the_buffer_of_std_is_read,
        bytes_in_the_buffer_of_std_are_read,
        line_in_parts_is_not_lost,
        character_in_parts_is_not_lost_in_bytes,
        line_within_the_limit_is_returned,
        ring_ends_a_read,
        signal_ends_a_read,
        enclosing_alarm_ends_a_read,
        read_on_a_worker_ends_at_the_deadline,
        expired_alarm_reads_nothing,
        read_to_the_end_of_the_file_is_complete,
        nonblocking_stdin_is_waited_for,
        line_is_complete_though_the_limit_has_passed,
        #[cfg(target_os = "linux")]
        read_without_a_timer_is_refused,
    ]
}
