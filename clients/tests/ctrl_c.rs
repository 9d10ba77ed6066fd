//! Ctrl-C with `ring_on(SIGINT)` and another crate that handles SIGINT, in either order.

#[path = "../../tests/support/mod.rs"]
#[allow(missing_docs, unsafe_code, clippy::undocumented_unsafe_blocks)]
mod support;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc::SIGINT;
use sigalarm::{Alarm, Cause, checkpoint};
use support::{Scenario, process};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

const MS: Duration = Duration::from_millis(1);

static RECEIVED: AtomicUsize = AtomicUsize::new(0);

fn receive() {
    RECEIVED.fetch_add(1, Ordering::SeqCst);
}

/// Sends SIGINT, and waits until the other crate has reported all of them.
fn press(expected: usize) {
    process::kill_self(SIGINT);
    let began = Instant::now();
    while RECEIVED.load(Ordering::SeqCst) < expected && began.elapsed() < Duration::from_secs(60) {
        thread::sleep(MS);
    }
    thread::sleep(50 * MS); // time for a signal too many
    assert_eq!(RECEIVED.load(Ordering::SeqCst), expected, "signals that the other crate received");
}

fn armed() -> Alarm {
    Alarm::builder().ring_on(SIGINT).arm().expect("arming")
}

#[track_caller]
fn rung(alarm: &Alarm) {
    let e = alarm.check().expect_err("the signal");
    assert!(alarm.owns(&e) && e.cause() == Cause::Signal(SIGINT));
}

/// The other crate is first. Each first Ctrl-C rings the alarm only; all others reach the other crate.
fn test_other_first() {
    let alarm = armed();
    press(0);
    rung(&alarm);
    press(1);
    drop(alarm);
    press(2);
    assert!(checkpoint().is_ok());
    // Of two without a check in between, the second reaches the other crate.
    let alarm = armed();
    press(2);
    press(3);
    rung(&alarm);
}

/// The other crate is later, and calls the previous handler: each Ctrl-C reaches both.
fn test_other_later(install: impl FnOnce()) {
    let alarm = armed();
    install();
    press(1);
    rung(&alarm);
    alarm.restart();
    press(2);
    rung(&alarm);
    drop(alarm);
    press(3); // The process lives, though the first disposition was the default.
    let alarm = armed();
    press(3); // This alarm's handler is in front.
    rung(&alarm);
}

fn ctrlc_first() {
    ctrlc::set_handler(receive).expect("the only one");
    test_other_first();
}

/// ctrlc's handler calls no previous handler, so the alarm does not ring.
fn ctrlc_later() {
    let alarm = armed();
    assert!(matches!(ctrlc::try_set_handler(receive), Err(ctrlc::Error::MultipleHandlers)));
    ctrlc::set_handler(receive).expect("it replaces the handler");
    press(1);
    assert!(alarm.check().is_ok(), "it does not ring");
    drop(alarm);
    press(2);
    // A later alarm installs its handler in front.
    let alarm = armed();
    press(2);
    rung(&alarm);
}

fn register() {
    let receive = || RECEIVED.store(RECEIVED.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    #[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // Two atomic accesses, in a handler.
    unsafe { signal_hook::low_level::register(SIGINT, receive) }.expect("registered");
}

fn signal_hook_first() {
    register();
    test_other_first();
}

fn signal_hook_later() {
    test_other_later(register);
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
}

fn listen(runtime: &Runtime) {
    let mut interrupts: Signal =
        runtime.block_on(async { signal(SignalKind::interrupt()) }).expect("a stream of signals");
    runtime.spawn(async move {
        while interrupts.recv().await.is_some() {
            receive();
        }
    });
}

fn tokio_first() {
    let runtime = runtime();
    listen(&runtime);
    test_other_first();
}

fn tokio_later() {
    let runtime = runtime();
    test_other_later(|| listen(&runtime));
}

/// The future of `ctrl_c` installs a handler when it is first polled.
fn tokio_ctrl_c() {
    let runtime = runtime();
    let alarm = armed();
    runtime.block_on(async {
        let mut pressed = pin!(tokio::signal::ctrl_c());
        let is_pending = poll_fn(|context| Poll::Ready(pressed.as_mut().poll(context).is_pending())).await;
        assert!(is_pending);
        process::kill_self(SIGINT);
        pressed.await.expect("a Ctrl-C");
    });
    rung(&alarm);
}

fn scenarios() -> Vec<Scenario> {
    scenarios![
        ctrlc_first,
        ctrlc_later,
        signal_hook_first,
        signal_hook_later,
        tokio_first,
        tokio_later,
        tokio_ctrl_c,
    ]
}

fn main() {
    support::main(&[("ctrl_c", scenarios)]);
}
