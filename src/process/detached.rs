use std::process;
use std::time::Duration;

use parking_lot::Mutex;

use super::child::Child;
use crate::os::reap::ChildState;

/// Each child with its parent's pid, because a forked process inherits the list, but cannot reap its parent's children.
static DETACHED: Mutex<Vec<(u32, Child)>> = Mutex::new(Vec::new());

pub(super) fn add(child: Child) {
    // If another thread held the lock at a fork, the lock stays locked in the forked process. So the wait is limited.
    const LONG: Duration = Duration::from_millis(100);
    if let Some(mut detached) = DETACHED.try_lock_for(LONG) {
        detached.push((process::id(), child));
    }
}

pub(super) fn reap() {
    let Some(mut detached) = DETACHED.try_lock() else { return };
    if !detached.is_empty() {
        let this = process::id();
        detached
            .retain(|(parent, child)| *parent == this && matches!(child.reap_alone(), ChildState::Running));
    }
}
