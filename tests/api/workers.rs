//! Workers: join, detach, stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use sigalarm::thread::{Worker, WorkerError};
use sigalarm::{Alarm, Cause, TimedOut, checkpoint};

const LIMIT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

fn until_stopped() -> TimedOut {
    loop {
        if let Err(e) = checkpoint() {
            return e;
        }
        thread::yield_now();
    }
}

#[test]
fn join_returns_the_value() {
    let worker = Worker::spawn(|| vec![1, 2, 3]).unwrap();
    assert_eq!(worker.join().unwrap(), [1, 2, 3]);
    assert!(!worker.is_alive());
    assert!(matches!(worker.join(), Err(WorkerError::AlreadyJoined)));
    assert!(matches!(worker.join_timeout(LIMIT), Err(WorkerError::AlreadyJoined)));
    worker.stop();

    let worker = Worker::spawn(|| (std::cell::Cell::new(1), vec![0_u8; 50_000_000])).unwrap();
    let (cell, bytes) = worker.join_timeout(LONG).unwrap();
    assert_eq!((cell.get(), bytes.len()), (1, 50_000_000));
}

#[test]
fn join_that_times_out_leaves_it_running() {
    let (go, gone) = mpsc::channel::<()>();
    let worker = Worker::builder().name("slow").spawn(move || gone.recv().is_ok()).unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let timed_out = worker.join_timeout(LIMIT).unwrap_err().timed_out().unwrap().clone();
        assert!(began.elapsed() >= LIMIT && timed_out.elapsed() >= LIMIT);
        assert_eq!((timed_out.limit(), timed_out.label()), (Some(LIMIT), Some("slow")));
        assert_eq!((timed_out.cause(), timed_out.location().file()), (Cause::Deadline, file!()));
        assert!(worker.is_alive());
    }
    assert!(worker.join_timeout(Duration::ZERO).unwrap_err().timed_out().is_some());
    let past = Instant::now();
    assert!(worker.join_deadline(past).unwrap_err().timed_out().is_some());
    go.send(()).unwrap();
    assert!(worker.join_timeout(Duration::MAX).unwrap());
}

#[test]
fn stop_takes_effect_at_the_next_check() {
    let worker = Worker::builder().name("solve").spawn(until_stopped).unwrap();
    thread::sleep(LIMIT);
    worker.stop();
    worker.stop();
    let timed_out = worker.join().unwrap();
    assert_eq!((timed_out.cause(), timed_out.limit()), (Cause::Stopped, None));
    assert!(timed_out.to_string().starts_with("solve was stopped after "), "{timed_out}");
    assert!(checkpoint().is_ok(), "it is the worker's alarm, and not this thread's");
}

#[test]
fn stop_right_after_the_spawn_takes_effect() {
    for _ in 0..500 {
        let worker = Worker::spawn(until_stopped).unwrap();
        worker.stop();
        assert_eq!(worker.join().unwrap().cause(), Cause::Stopped);
    }
}

#[test]
fn drop_requests_a_stop_and_does_not_wait() {
    let (sender, receiver) = mpsc::channel();
    drop(Worker::spawn(move || sender.send(until_stopped().cause())).unwrap());
    assert_eq!(receiver.recv_timeout(LONG).unwrap(), Cause::Stopped);
}

#[test]
fn alarms_in_a_worker_are_its_own() {
    let (sender, receiver) = mpsc::channel();
    let worker = Worker::spawn(move || {
        let inner = Alarm::after(LIMIT).unwrap();
        let first = until_stopped();
        assert!(inner.owns(&first) && first.cause() == Cause::Deadline);
        inner.restart();
        inner.extend(LONG);
        sender.send(()).unwrap();
        loop {
            if let Err(e) = inner.check() {
                assert!(!inner.owns(&e));
                return e.cause();
            }
            thread::yield_now();
        }
    });
    let worker = worker.unwrap();
    receiver.recv_timeout(LONG).unwrap();
    assert!(worker.join_timeout(LIMIT).unwrap_err().timed_out().is_some());
    worker.stop();
    assert_eq!(worker.join().unwrap(), Cause::Stopped);
}

#[test]
fn panic_is_returned_with_its_payload() {
    let worker = Worker::spawn(|| -> () { panic!("no {}", std::hint::black_box("luck")) }).unwrap();
    let error = worker.join().unwrap_err();
    assert_eq!(error.to_string(), "the worker panicked: no luck");
    let WorkerError::Panicked(panic) = error else { panic!("{error}") };
    assert_eq!(panic.into_payload().downcast_ref::<String>().unwrap(), "no luck");

    let worker = Worker::spawn(|| -> () { std::panic::panic_any(7_u8) }).unwrap();
    let Err(WorkerError::Panicked(panic)) = worker.join() else { panic!("expected a panic") };
    let resumed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| panic.resume()));
    assert_eq!(*resumed.unwrap_err().downcast_ref::<u8>().unwrap(), 7);
}

#[test]
fn join_of_itself_is_an_error() {
    let myself: Arc<OnceLock<Worker<bool>>> = Arc::default();
    let copy = myself.clone();
    let worker = Worker::spawn(move || {
        let worker = loop {
            if let Some(worker) = copy.get() {
                break worker;
            }
            thread::yield_now();
        };
        matches!(worker.join(), Err(WorkerError::JoinSelf))
            && matches!(worker.join_timeout(LONG), Err(WorkerError::JoinSelf))
            && worker.is_alive()
    });
    let worker = myself.get_or_init(|| worker.unwrap());
    assert!(worker.join().unwrap());
}

#[test]
fn second_join_is_an_error() {
    let worker = Worker::spawn(|| thread::sleep(LIMIT)).unwrap();
    let winners: usize = thread::scope(|s| {
        let joins: Vec<_> = (0..8)
            .map(|n| {
                let worker = &worker;
                s.spawn(move || {
                    let joined = if n % 2 == 0 { worker.join() } else { worker.join_timeout(LONG) };
                    match joined {
                        Ok(()) => 1,
                        Err(WorkerError::AlreadyJoined) => 0,
                        Err(e) => panic!("{e}"),
                    }
                })
            })
            .collect();
        joins.into_iter().map(|join| join.join().unwrap()).sum()
    });
    assert_eq!(winners, 1);
}

#[test]
fn callers_alarm_ends_a_join() {
    let worker = Worker::spawn(until_stopped).unwrap();
    let alarm = Alarm::builder().after(LIMIT).label("outer").arm().unwrap();
    for _ in 0..2 {
        let began = Instant::now();
        let timed_out = worker.join().unwrap_err().timed_out().unwrap().clone();
        assert!(alarm.owns(&timed_out) && began.elapsed() < LONG);
        assert_eq!(timed_out.location().file(), file!());
        alarm.restart();
    }
    alarm.extend(LONG);
    let sooner = worker.join_timeout(Duration::ZERO).unwrap_err();
    assert!(!alarm.owns(sooner.timed_out().unwrap()));
    drop(alarm);
    worker.stop();
    assert_eq!(worker.join().unwrap().cause(), Cause::Stopped);
}

#[test]
fn callers_ring_ends_a_join() {
    let worker = Worker::spawn(until_stopped).unwrap();
    let alarm = Alarm::never().unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            thread::sleep(LIMIT);
            alarm.ring();
        });
        let ended = worker.join().unwrap_err().timed_out().unwrap().clone();
        assert!(alarm.owns(&ended) && ended.cause() == Cause::Rung);
    });
}

#[test]
fn worker_that_joins_another_is_stopped() {
    let outer = Worker::spawn(|| {
        let (_sender, receiver) = mpsc::channel::<()>();
        let inner = Worker::spawn(move || receiver.recv().is_ok()).unwrap();
        let ended = inner.join().unwrap_err().timed_out().unwrap().cause();
        inner.stop();
        (ended, inner.join_timeout(Duration::ZERO).is_err())
    });
    let outer = outer.unwrap();
    thread::sleep(LIMIT);
    outer.stop();
    assert_eq!(outer.join().unwrap(), (Cause::Stopped, true));
}

#[test]
fn builder_sets_name_and_stack() {
    let worker = Worker::builder().name("deep").stack_size(64 << 20).spawn(|| {
        fn down(n: u32) -> u64 {
            let frame = std::hint::black_box([n; 1024]);
            if n == 0 { 0 } else { down(n - 1) + u64::from(frame[7] == n) }
        }
        (thread::current().name().map(str::to_owned), down(8_000))
    });
    let worker = worker.unwrap();
    assert_eq!(worker.name(), Some("deep"));
    assert_ne!(worker.thread_id(), thread::current().id());
    assert_eq!(worker.join().unwrap(), (Some("deep".to_owned()), 8_000));
    assert!(format!("{worker:?}").contains("deep"));
    let too_much = Worker::builder().stack_size(usize::MAX / 2).spawn(|| ());
    assert!(too_much.is_err());
}

#[test]
fn thread_locals_are_dropped_before_a_join_returns() {
    static DROPPED: AtomicBool = AtomicBool::new(false);
    struct Local;
    impl Drop for Local {
        fn drop(&mut self) {
            thread::sleep(LIMIT);
            DROPPED.store(true, Ordering::SeqCst);
        }
    }
    thread_local!(static LOCAL: Local = const { Local });
    let worker = Worker::spawn(|| LOCAL.with(|_| ())).unwrap();
    worker.join().unwrap();
    assert!(DROPPED.load(Ordering::SeqCst));
}
