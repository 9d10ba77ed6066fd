//! Signals that ring, limits on processor time and checks, tickers, watchdogs, audits.

mod audits;
mod ring_on;
mod tickers;
mod used_up;
mod watchdogs;

use std::time::{Duration, Instant};

use nix::libc::{SA_RESTART, SIGHUP, SIGINT, SIGTERM};
use nix::sys::signal::{SigHandler, Signal};
use sigalarm::{Alarm, AlarmBuilder, Ticker, TimedOut};

use crate::support::{Scenario, process, scenario};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(20);

fn arm(builder: AlarmBuilder) -> Alarm {
    builder.arm().expect("arming")
}

fn expiry(alarm: &Alarm) -> TimedOut {
    let began = Instant::now();
    loop {
        if let Err(e) = alarm.check() {
            return e;
        }
        assert!(began.elapsed() < LATE, "never came");
    }
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {}
}

#[allow(unsafe_code, clippy::undocumented_unsafe_blocks)] // A bare call.
fn handle(signal: Signal, handler: SigHandler) {
    unsafe { nix::sys::signal::signal(signal, handler) }.expect("a handler");
}

fn cpu_time() -> Duration {
    let ts = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("a clock");
    Duration::new(ts.tv_sec() as u64, ts.tv_nsec() as u32)
}

fn signals_and_timers_are_restored() {
    process::set_action(process::counting(), SA_RESTART, &[SIGHUP]);
    let before = process::state();
    let handlers = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        status
            .lines()
            .filter(|l| l.starts_with("Sig") && !l.starts_with("SigQ"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before_all = handlers();
    for _ in 0..50 {
        let all = Alarm::builder()
            .after(MS)
            .cpu_limit(SECOND)
            .check_limit(5)
            .ring_on(SIGINT)
            .ring_on(SIGTERM)
            .audit(MS);
        let alarm = arm(all.abort_after(SECOND));
        let _ticker = Ticker::every(MS).expect("arming");
        expiry(&alarm);
    }
    assert_eq!(process::state(), before);
    assert_eq!(handlers(), before_all);
}

pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![scenario("signals_and_timers_are_restored", signals_and_timers_are_restored)];
    let modules: [fn() -> Vec<Scenario>; 5] =
        [ring_on::scenarios, used_up::scenarios, tickers::scenarios, watchdogs::scenarios, audits::scenarios];
    scenarios.extend(modules.iter().flat_map(|scenarios| scenarios()));
    scenarios
}
