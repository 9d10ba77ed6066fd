//! The cost of arming and dropping, beside bare system calls and other crates.

use std::future::poll_fn;
use std::hint::black_box;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use cancel_this::Cancelled;
use sigalarm::Alarm;

use crate::bare;
use crate::figures::Group;
use crate::paired::Ways;
use crate::plan::Plan;
use crate::python;

const MINUTE: Duration = Duration::from_secs(60);
const TURN: Duration = Duration::from_micros(500);

pub fn measure(plan: &Plan) -> Vec<Group> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut outermost = Ways::new("its eight bare system calls", bare::arm_and_disarm)
        .and("the same, with a lock, the clock and atomics", bare::arm_and_disarm_under_a_lock)
        .and("`Alarm::after` + drop", arm_and_drop)
        .and("tokio `timeout`, on a ready runtime", || runtime.block_on(timeout()))
        .and("a thread per limit", thread_per_limit)
        .and("cancel-this `on_timeout`", on_timeout)
        .measure("the outermost limit: set, and taken back", plan.rounds(400), TURN);
    python::add(&mut outermost, "arm", plan);
    let private = private_timer(plan);

    let outer = Alarm::after(MINUTE / 2).expect("arming");
    let nested = Ways::new("reading the clock once", || {
        black_box(Instant::now());
    })
    .and("`Alarm::after` + drop", arm_and_drop)
    .and("`alarm.restart()`", || outer.restart())
    .measure("under an earlier deadline", plan.rounds(400), TURN);
    vec![outermost, nested, private]
}

/// The same on a thread that already has a private timer.
fn private_timer(plan: &Plan) -> Group {
    let ways = || {
        Ways::new("the eight bare system calls of the interval timer", bare::arm_and_disarm)
            .and("`Alarm::after` + drop", arm_and_drop)
            .measure("the same with a private timer", plan.rounds(400), TURN)
    };
    thread::scope(|scope| scope.spawn(ways).join().expect("no panic"))
}

fn arm_and_drop() {
    drop(Alarm::after(MINUTE).expect("arming"));
}

/// Yields once, because tokio registers a timer only if the future is not ready.
async fn timeout() {
    let mut yielded = false;
    let work = poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    tokio::time::timeout(MINUTE, work).await.expect("a minute has not passed");
}

/// A hand-written limit: a thread that waits for the limit or the end.
fn thread_per_limit() {
    let (done, ended) = mpsc::channel::<()>();
    let thread = thread::spawn(move || ended.recv_timeout(MINUTE) == Err(RecvTimeoutError::Timeout));
    drop(done);
    assert!(!thread.join().expect("it only waits"));
}

fn on_timeout() {
    let result: Result<(), Cancelled> = cancel_this::on_timeout(MINUTE, || Ok(()));
    result.expect("a minute has not passed");
}
