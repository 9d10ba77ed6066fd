//! An engine that takes a flag and makes no checks, under a limit: with a question to the user, whose time does not count,
//! with Ctrl-C by the `ctrlc` crate, and with clean-up after the limit.
//!
//! ```console
//! $ cargo run --example engine
//! ```

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sigalarm::{Alarm, TimedOut, checkpoint, paused, shielded};

const LIMIT: Duration = Duration::from_millis(300);

/// Stands for an engine of another crate: it fills a table until the flag is set.
fn fill(interrupt: &AtomicBool) -> Vec<u64> {
    let mut rows = Vec::new();
    while !interrupt.load(Ordering::Relaxed) {
        if rows.len() < 1_000_000 {
            rows.push(rows.len() as u64);
        }
    }
    rows
}

/// Clean-up that checks, as any long function does.
fn remove(rows: &mut Vec<u64>) -> Result<u64, TimedOut> {
    let mut removed = 0;
    while rows.pop().is_some() {
        checkpoint()?;
        removed += 1;
    }
    Ok(removed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let alarm = Alarm::builder().after(LIMIT).flag(interrupt.clone()).label("fill").arm()?;

    let handle = alarm.handle();
    ctrlc::set_handler(move || {
        handle.ring(); // sets the flag too
    })?;

    // The user reads a question, for longer than the limit.
    paused(|| thread::sleep(LIMIT + Duration::from_millis(100)));

    let mut rows = fill(&interrupt);
    match alarm.check() {
        Err(timed_out) => println!("{timed_out}"),
        Ok(()) => println!("the engine ended early"),
    }

    // The alarm has expired, and stays in force: without the shield `remove` would stop at once.
    let removed = shielded(|| -> Result<u64, Box<dyn Error>> {
        let _limit = Alarm::after(Duration::from_secs(60))?;
        Ok(remove(&mut rows)?)
    })?;
    println!("removed all {removed} rows");
    Ok(())
}
