use std::cell::Cell;
use std::panic::Location;
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use sigalarm_core::implementer::{Expiry, Hook, flag, next_id, register};
use sigalarm_core::{AlarmId, Cause, TimedOut};

/// Each limit's id, thread, start and length.
static LIMITS: Mutex<Vec<(AlarmId, ThreadId, Instant, Duration)>> = Mutex::new(Vec::new());
static HOOK: Hook = Hook::new(check).before_error(|_| ERRORS.set(ERRORS.get() + 1));

thread_local! {
    /// How many errors `before_error` was called for on this thread.
    pub static ERRORS: Cell<u64> = const { Cell::new(0) };
}

fn check(innermost: Option<AlarmId>, location: &'static Location<'static>) -> Option<Box<TimedOut>> {
    let limits = LIMITS.lock().unwrap();
    let mut due = limits.iter().filter(|(.., began, limit)| began.elapsed() >= *limit);
    if due.clone().next().is_none() {
        flag().clear(bit());
        // A limit may have passed before the clear.
        due.clone().for_each(|_| flag().set(bit()));
    }
    let is_enclosing = |id: AlarmId| innermost.map_or(true, |innermost| id <= innermost);
    let here = thread::current().id();
    let &(id, _, began, limit) = due.find(|&&(id, home, ..)| home == here && is_enclosing(id))?;
    let mut expiry = Expiry::new(id, Cause::Deadline, began.elapsed(), location.into());
    expiry.limit = Some(limit);
    Some(Box::new(expiry.into_error()))
}

fn bit() -> u8 {
    register(&HOOK).expect("a free bit").mask()
}

pub struct Limit(pub AlarmId);

pub fn after(limit: Duration) -> Limit {
    let (id, bit) = (next_id(), bit());
    LIMITS.lock().unwrap().push((id, thread::current().id(), Instant::now(), limit));
    thread::spawn(move || {
        thread::sleep(limit);
        flag().set(bit);
    });
    Limit(id)
}

impl Drop for Limit {
    fn drop(&mut self) {
        LIMITS.lock().unwrap().retain(|(id, ..)| *id != self.0);
    }
}
