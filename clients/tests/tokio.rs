//! Alarms in a tokio program: in `spawn_blocking`, beside the runtime's timers and signals.

use std::time::{Duration, Instant};

use sigalarm::{Alarm, Cause};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

fn spin(limit: Duration) -> Duration {
    let alarm = Alarm::after(limit).unwrap();
    loop {
        if let Err(timed_out) = alarm.check() {
            return timed_out.elapsed();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_host() {
    // tokio installs its SIGALRM handler first.
    let mut theirs = signal(SignalKind::alarm()).unwrap();

    let limit = Duration::from_millis(100);
    let computation = tokio::task::spawn_blocking(move || spin(limit));
    let began = Instant::now();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(50));
    assert!(computation.await.unwrap() >= limit);

    let limits = [20, 40, 60].map(Duration::from_millis);
    let computations = limits.map(|limit| tokio::task::spawn_blocking(move || spin(limit)));
    for (computation, limit) in computations.into_iter().zip(limits) {
        assert!(computation.await.unwrap() >= limit);
    }

    // tokio received none of these alarms' signals.
    assert!(tokio::time::timeout(Duration::from_millis(50), theirs.recv()).await.is_err());

    // tokio receives a raised SIGALRM, even while a guard is armed.
    let computation = tokio::task::spawn_blocking(|| spin(Duration::from_millis(200)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    signal_hook::low_level::raise(signal_hook::consts::SIGALRM).unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(10), theirs.recv()).await.is_ok());
    computation.await.unwrap();

    // Cancelling a token rings an alarm.
    let token = CancellationToken::new();
    let computation = tokio::task::spawn_blocking({
        let token = token.clone();
        move || {
            let alarm = Alarm::never().unwrap();
            std::thread::scope(|s| {
                let runtime = tokio::runtime::Handle::current();
                let (alarm, token) = (&alarm, &token);
                s.spawn(move || {
                    runtime.block_on(token.cancelled());
                    alarm.ring();
                });
                loop {
                    if let Err(e) = alarm.check() {
                        return e.cause();
                    }
                }
            })
        }
    });
    token.cancel();
    assert_eq!(computation.await.unwrap(), Cause::Rung);
}
