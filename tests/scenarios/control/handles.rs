use std::thread;
use std::time::Duration;

use crate::support::*;
use sigalarm::thread::Worker;
use sigalarm::{AlarmHandle, Cause, checkpoint, shielded};

fn is_sent_anywhere<T: Clone + Send + Sync + 'static>() {}

fn ring_from_an_unscoped_thread_is_seen() {
    is_sent_anywhere::<AlarmHandle>();
    assert!(size_of::<AlarmHandle>() <= 16, "nothing that could leak");
    let alarm = after(LATE);
    let handle = alarm.handle();
    let button = thread::spawn(move || handle.ring());
    let timed_out = expiry(&alarm);
    assert!(alarm.owns(&timed_out) && timed_out.cause() == Cause::Rung);
    assert!(button.join().expect("no panic"), "it was armed");
    assert!(alarm.handle().ring(), "it is still armed");
}

fn ring_by_a_handle_ends_a_blocked_call() {
    let alarm = after(LATE);
    let handle = alarm.handle();
    let button = thread::spawn(move || {
        thread::sleep(20 * MS);
        handle.ring()
    });
    let timed_out = alarm.sleep(LATE).expect_err("it is rung");
    assert_eq!(timed_out.cause(), Cause::Rung);
    assert!(button.join().expect("no panic"));
}

fn handle_is_inert_after_the_drop() {
    let alarm = after(Duration::ZERO);
    let handle = alarm.handle();
    assert!(handle.is_expired() && handle.remaining() == Some(Duration::ZERO));
    let entered = handle.enter();
    drop(alarm);
    // The new alarm reuses the slot of the dropped one.
    let next = after(Duration::ZERO);
    let check_alone = |handle: &AlarmHandle| handle.check().is_ok() && !handle.is_expired();
    assert!(check_alone(&handle) && check_alone(&handle.clone()));
    assert!(!handle.ring() && handle.remaining().is_none());
    assert!(next.owns(&checkpoint().expect_err("the next one's")));
    drop(next);
    assert!(checkpoint().is_ok());
    drop(entered);
    drop(handle.enter());
    assert!(checkpoint().is_ok());
}

fn check_by_a_handle_names_the_outermost() {
    let outer = after(20 * MS);
    let inner = after(SECOND);
    let handle = inner.handle();
    let thread = thread::spawn(move || expiry_by(|| handle.check()));
    assert!(outer.owns(&thread.join().expect("no panic")));
}

fn entered_by_a_handle_until_the_guard_is_dropped() {
    for _ in 0..200 {
        let alarm = after(MS);
        let handle = alarm.handle();
        let thread = thread::spawn(move || {
            let entered = handle.enter();
            let began = std::time::Instant::now();
            while checkpoint().is_ok() && began.elapsed() < 2 * MS {}
            spin_until(|| checkpoint().is_ok());
            drop(entered);
            assert!(checkpoint().is_ok());
        });
        expiry(&alarm);
        drop(alarm);
        thread.join().expect("no panic");
    }
}

fn handle_is_inert_in_a_forked_child() {
    let alarm = after(LATE);
    let handle = alarm.handle();
    process::passes_in_child(|| {
        assert!(!handle.ring() && handle.check().is_ok() && handle.remaining().is_none());
        let own = after(Duration::ZERO);
        assert!(handle.check().is_ok() && own.check().is_err());
    });
    assert!(handle.check().is_ok(), "the child has rung nothing of the parent's");
}

fn worker_under_a_handle_obeys_both() {
    let endless = || (0..).find_map(|_| checkpoint().err());
    let alarm = after(20 * MS);
    let worker = Worker::builder().under(alarm.handle()).spawn(endless).expect("a thread");
    let joined = shielded(|| worker.join_timeout(LATE));
    let timed_out = joined.expect("it ends").expect("by the alarm");
    assert!(alarm.owns(&timed_out) && timed_out.elapsed() >= 20 * MS);
    drop(alarm);

    let alarm = after(LATE);
    let worker = Worker::builder().under(alarm.handle()).spawn(endless).expect("a thread");
    worker.stop();
    let timed_out = worker.join_timeout(LATE).expect("it ends").expect("by the request");
    assert_eq!(timed_out.cause(), Cause::Stopped);

    let worker = Worker::builder().under(alarm.handle()).spawn(endless).expect("a thread");
    drop(alarm);
    thread::sleep(20 * MS);
    assert!(worker.is_alive(), "the guard is gone, and nothing has expired");
    worker.stop();
    assert!(worker.join().is_ok());
}

fn rings_by_handles_beside_drops_are_harmless() {
    let (send, receive) = std::sync::mpsc::channel::<AlarmHandle>();
    let ringer = thread::spawn(move || receive.iter().filter(AlarmHandle::ring).count());
    let mut seen = 0;
    for _ in rounds(20_000) {
        let alarm = never();
        send.send(alarm.handle()).expect("it listens");
        seen += usize::from(alarm.is_expired());
        drop(alarm);
        assert!(checkpoint().is_ok());
    }
    drop(send);
    assert!(ringer.join().expect("no panic") >= seen, "each that was seen was rung");
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        ring_from_an_unscoped_thread_is_seen,
        ring_by_a_handle_ends_a_blocked_call,
        handle_is_inert_after_the_drop,
        check_by_a_handle_names_the_outermost,
        entered_by_a_handle_until_the_guard_is_dropped,
        handle_is_inert_in_a_forked_child,
        worker_under_a_handle_obeys_both,
        rings_by_handles_beside_drops_are_harmless,
    ]
}
