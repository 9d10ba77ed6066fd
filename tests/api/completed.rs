//! A completed call returns `Ok` even if the limit passes meanwhile.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use sigalarm::thread::Worker;
use sigalarm::{Alarm, Best, TimedOut, try_within, unwind_if_expired, within};

const LONG: Duration = Duration::from_secs(60);

fn completed<T, E: std::fmt::Debug>(run: impl FnOnce(&Alarm) -> Result<T, E>) -> T {
    let alarm = Alarm::after(LONG).expect("arming");
    let value = run(&alarm).expect("it was completed");
    assert!(alarm.check().is_err(), "it has not expired");
    value
}

#[test]
fn completed_blocking_call_is_ok() {
    let value = completed(|alarm| {
        alarm.blocking(|| {
            alarm.ring();
            io::Result::Ok(42)
        })
    });
    assert_eq!(value, 42);
}

struct Ringing<'a>(UnixStream, &'a Alarm);

impl Read for Ringing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer);
        self.1.ring();
        read
    }
}

impl Write for Ringing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes);
        self.1.ring();
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl std::os::fd::AsFd for Ringing<'_> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[test]
fn completed_read_and_write_are_ok() {
    let (here, mut there) = UnixStream::pair().expect("a pair");
    there.write_all(b"word").expect("room");
    let mut word = [0; 4];
    let read =
        completed(|alarm| alarm.reader(Ringing(here.try_clone().expect("a clone"), alarm)).read(&mut word));
    assert_eq!((read, &word), (4, b"word"));
    let written =
        completed(|alarm| alarm.writer(Ringing(here.try_clone().expect("a clone"), alarm)).write(b"answer"));
    assert_eq!(written, 6);
}

#[test]
fn wait_for_an_ended_child_is_ok() {
    let mut child = Command::new("true").spawn().expect("a child");
    child.wait().expect("its end");
    let status = completed(|alarm| {
        alarm.ring();
        alarm.wait(&mut child)
    });
    assert!(status.success());
}

#[test]
fn completed_call_within_a_limit_is_ok() {
    let within_a_limit = |run: &dyn Fn(&Alarm) -> Result<u32, TimedOut>| {
        assert_eq!(within(LONG, run).expect("arming").expect("completed"), 42);
        assert_eq!(try_within(LONG, run).expect("completed"), 42);
    };
    within_a_limit(&|alarm| {
        alarm.ring();
        Ok(42)
    });
}

#[test]
fn completed_catch_is_ok() {
    let value = completed(|alarm| {
        alarm.catch(|| {
            unwind_if_expired();
            alarm.ring();
            42
        })
    });
    assert_eq!(value, 42);
}

#[test]
fn completed_search_is_ok() {
    let mut best = Best::lowest();
    let ended = best.within(LONG, |best, alarm| {
        alarm.check()?;
        best.offer(1, || "the only one");
        alarm.ring();
        Ok(())
    });
    assert!(ended.expect("arming").is_ok());
}

#[test]
fn join_of_an_ended_worker_is_ok() {
    let worker = Worker::spawn(|| 42).expect("a thread");
    while worker.is_alive() {
        thread::sleep(Duration::from_millis(1));
    }
    worker.stop();
    assert_eq!(worker.join_timeout(Duration::ZERO).expect("it has ended"), 42);
}
