//! Detached children, which later spawns reap.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::child::Child;
use crate::os::reap::Life;

/// Each child with its parent. A forked child inherits the list, but not the children.
static DETACHED: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

/// Whether the list was ever used. Locking it would write to a page, which costs a copy after a fork.
static USED: AtomicBool = AtomicBool::new(false);

pub(super) fn add(child: Child) {
    // The lock is held for ever if another thread held it when this process was forked. Then init reaps the child.
    const LONG: Duration = Duration::from_millis(100);
    if let Some(mut detached) = DETACHED.try_lock_for(LONG) {
        detached.push((process::id(), child));
        USED.store(true, Ordering::Relaxed);
    }
}

/// Reaps the children that have ended; does not signal their groups.
pub(super) fn reap() {
    if !USED.load(Ordering::Relaxed) {
        return;
    }
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
