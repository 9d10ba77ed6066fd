//! Detached children that are still to be reaped.
//!
//! A child that has ended stays in the process table until it is reaped. Later spawns reap the detached ones; init reaps the
//! rest when the parent has ended.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::child::Child;
use crate::os::reap::Life;

/// Each with the process that it is a child of: a forked child inherits the list, and those are not its children.
static DETACHED: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

/// Whether the list was ever used. Rarely written: a page that is written between two forks is copied.
static USED: AtomicBool = AtomicBool::new(false);

pub(super) fn add(child: Child) {
    // No thread holds the lock for long. But the lock is held for ever if another thread of the parent held it when this
    // process was forked. Then the child is not added, and init reaps it.
    const LONG: Duration = Duration::from_millis(100);
    if let Some(mut detached) = DETACHED.try_lock_for(LONG) {
        detached.push((process::id(), child));
        USED.store(true, Ordering::Relaxed);
    }
}

/// Reaps those that have ended. Their groups are not signalled.
pub(super) fn reap() {
    if !USED.load(Ordering::Relaxed) {
        return;
    }
    // In a forked child the lock may be held for ever.
    let Some(mut detached) = DETACHED.try_lock() else { return };
    if !detached.is_empty() {
        let this = process::id();
        detached.retain(|(parent, child)| *parent == this && !is_reaped(child));
    }
}

fn is_reaped(child: &Child) -> bool {
    match child.look() {
        Ok(Life::Alive) | Err(_) => false,
        Ok(Life::Ended) => child.reap_alone().is_some(),
        Ok(Life::Gone) => true,
    }
}
