//! Children that nobody holds any more, and that are still to be reaped.
//!
//! A child that has ended stays in the process table until its parent asks how. A detached one is asked on the
//! occasion of later spawns; what is left then ends with the parent.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::child::Child;
use crate::os::reap::Life;

/// With the process that they are children of: a forked child inherits the list, and they are none of its.
static DETACHED: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

/// Whether anything was ever put there. Only read as a rule: what is written to between two forks is a page to be copied.
static ANY: AtomicBool = AtomicBool::new(false);

pub(super) fn let_go(child: Child) {
    // Nobody holds the lock for long; or for ever, if it is the copy of one that another thread of the parent held when
    // this process was forked. Then the child is reaped when this process has ended.
    const LONG: Duration = Duration::from_millis(100);
    if let Some(mut detached) = DETACHED.try_lock_for(LONG) {
        detached.push((process::id(), child));
        ANY.store(true, Ordering::Relaxed);
    }
}

/// Reaps those that have ended. Their groups are left alone: they were let go.
pub(super) fn sweep() {
    if !ANY.load(Ordering::Relaxed) {
        return;
    }
    // In the child of a process with several threads, one of those may have held the lock.
    let Some(mut detached) = DETACHED.try_lock() else { return };
    if !detached.is_empty() {
        let this = process::id();
        detached.retain(|(parent, child)| *parent == this && !is_reaped(child));
    }
}

fn is_reaped(child: &Child) -> bool {
    match child.look() {
        Ok(Life::Alive) | Err(_) => false,
        Ok(Life::Ended) => crate::os::reap::reap(child.pid()).is_some(),
        Ok(Life::Gone) => true,
    }
}
