//! Texts, sources and accessors of the public types.

use std::error::Error;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use sigalarm::thread::{Worker, WorkerError};
use sigalarm::{Alarm, Cause, Ticker, TimedOut};

const MINUTE: Duration = Duration::from_secs(60);

fn expired(label: &str) -> TimedOut {
    let alarm = Alarm::builder().after(Duration::ZERO).label(label).arm().expect("arming");
    alarm.check().expect_err("zero")
}

#[test]
fn alarm_shows_id_and_label() {
    let alarm = Alarm::builder().at(Instant::now() + MINUTE).label("solve").arm().expect("arming");
    assert_eq!(alarm.label(), Some("solve"));
    let shown = format!("{alarm:?}");
    assert!(shown.starts_with("Alarm { id: AlarmId(") && shown.contains("label: Some(\"solve\")"), "{shown}");
    assert_eq!(Alarm::never().expect("arming").label(), None);
}

#[test]
fn time_out_shows_alarm_and_location() {
    let timed_out = expired("solve");
    let shown = format!("{timed_out:?}");
    assert!(shown.contains("label: Some(\"solve\")") && shown.contains("cause: Deadline"), "{shown}");
    assert!(timed_out.source().is_none());
    let place = timed_out.location();
    assert!(place.file().ends_with("faces.rs") && place.line() > 1 && place.column() > 1);
    assert!(timed_out.alarm().to_string().starts_with('#'));
    assert_eq!(timed_out.clone().to_string(), timed_out.to_string());
}

#[test]
fn causes_have_texts() {
    let alarm = Alarm::builder().check_limit(1).arm().expect("arming");
    let _ = alarm.check();
    let e = alarm.check().expect_err("one check");
    assert_eq!(e.cause(), Cause::Checks);
    assert!(e.to_string().contains("used up its checks"), "{e}");
    drop(alarm);
    let alarm = Alarm::never().expect("arming");
    alarm.ring();
    assert_eq!(alarm.check().expect_err("rung").cause(), Cause::Rung);
    assert!(format!("{:?}", Cause::Signal(2)).contains('2'));
}

#[test]
fn arm_errors_have_texts_and_sources() {
    let e = Alarm::builder().ring_on(9).arm().expect_err("SIGKILL");
    assert!(e.source().is_none() && e.call().is_none() && !e.to_string().is_empty());
    let e = Ticker::every(Duration::ZERO).expect_err("zero");
    assert!(e.source().is_none() && !e.to_string().is_empty());
    assert!(!format!("{e:?}").is_empty());
    let io = std::io::Error::from(e);
    assert!(!io.to_string().is_empty());
}

#[test]
fn ticker_shows_its_period() {
    let ticker = Ticker::every(MINUTE).expect("arming");
    assert_eq!(ticker.period(), MINUTE);
    assert!(format!("{ticker:?}").contains("60s"));
}

#[test]
fn every_call_of_a_writer_fails_after_the_expiry() {
    let (one, _two) = UnixStream::pair().expect("a pair");
    let alarm = sigalarm::testing::expired();
    let mut writer = alarm.writer(one);
    for failed in [writer.write(b"x").map(drop), writer.write(b"").map(drop), writer.flush()] {
        assert!(TimedOut::find_in(&failed.expect_err("it has expired")).is_some());
    }
}

#[test]
fn readers_and_writers_give_their_inner_value() {
    let (mut one, two) = UnixStream::pair().expect("a pair");
    let alarm = Alarm::after(MINUTE).expect("arming");
    let mut writer = alarm.writer(two);
    writer.write_all(b"x").and_then(|()| writer.flush()).expect("writing");
    assert!(writer.get_ref().peer_addr().is_ok());
    one.write_all(b"y").expect("writing");
    let mut reader = alarm.reader(writer.into_inner());
    assert!(reader.get_ref().peer_addr().is_ok());
    let mut buffer = [0];
    reader.read_exact(&mut buffer).expect("reading");
    assert_eq!(&buffer, b"y");
    drop(reader.into_inner());
    one.read_exact(&mut buffer).expect("reading");
    assert_eq!(&buffer, b"x");
}

#[test]
fn worker_errors_have_texts() {
    let worker = Worker::spawn(|| panic!("boo")).expect("spawning");
    let e: WorkerError = worker.join_timeout(MINUTE).map(|(): ()| ()).expect_err("it panicked");
    assert!(e.to_string().contains("boo") && e.source().is_none(), "{e}");
    assert!(e.timed_out().is_none());
    match e {
        WorkerError::Panicked(panic) => {
            assert_eq!(panic.message(), "boo");
            assert!(format!("{panic:?}").contains("boo"));
        }
        other => panic!("{other:?}"),
    }
    let e = worker.join().expect_err("joined before");
    assert!(e.to_string().contains("joined before"), "{e}");
    for e in [WorkerError::TimedOut(expired("x")), WorkerError::JoinSelf] {
        assert!(!e.to_string().is_empty() && !format!("{e:?}").is_empty());
        assert_eq!(TimedOut::find_in(&e), e.timed_out());
    }
}

#[cfg(feature = "process")]
mod jobs {
    use super::*;
    use sigalarm::process::{Job, JobError, Output, SpawnError};

    #[test]
    fn spawn_in_a_harness_is_refused() {
        let e = Job::spawn(|| 1).expect_err("there are two threads");
        assert!(matches!(e, SpawnError::MultiThreaded { .. }) && e.source().is_none(), "{e:?}");
        let timed_out = JobError::TimedOut(expired("x"));
        assert!(TimedOut::find_in(&timed_out).is_some_and(|found| Some(found) == timed_out.timed_out()));
        let e = JobError::from(e);
        assert!(e.to_string().contains("thread") && e.source().is_none(), "{e}");
        assert!(!SpawnError::ThreadsUnknown.to_string().is_empty());
        let (one, _) = UnixStream::pair().expect("a pair");
        assert!(matches!(Output::from(std::os::fd::OwnedFd::from(one)), Output::To(_)));
    }
}
