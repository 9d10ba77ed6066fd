//! A guard that moves to another thread.

use sigalarm::{Alarm, Ticker, TimedOut};

fn alarm(alarm: Alarm) -> Result<(), TimedOut> {
    std::thread::spawn(move || alarm.check()).join().unwrap()
}

fn ticker(ticker: Ticker) -> u64 {
    std::thread::spawn(move || ticker.ticks()).join().unwrap()
}

fn entered(alarm: &Alarm) {
    let entered = alarm.enter();
    std::thread::scope(|s| {
        s.spawn(move || drop(entered));
    });
}

fn main() {}
