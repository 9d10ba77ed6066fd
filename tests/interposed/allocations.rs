//! Neither a check nor the handler allocates, with any number of alarms.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::process::counted;
use crate::support::*;
use nix::libc::SIGALRM;
use sigalarm::{Alarm, checkpoint};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code)]
// SAFETY: the system allocator does the work. `realloc` and `alloc_zeroed` use their defaults.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(f: impl FnOnce()) -> usize {
    let before = COUNT.load(Ordering::Relaxed);
    f();
    COUNT.load(Ordering::Relaxed) - before
}

fn none_by_checks_under_ten_thousand_alarms() {
    process::count_signals();
    let alarms: Vec<Alarm> = (1..=10_000).map(|n| after(n * 100 * SECOND)).collect();
    let check = |alarm: &Alarm| assert!(alarm.check().is_ok() && checkpoint().is_ok());
    assert_eq!(allocations(|| alarms.iter().for_each(check)), 0, "no signal came");

    // Each signal sets the flag and is forwarded; then a check runs the slow path.
    let each = alarms.iter().step_by(10);
    let answered = allocations(|| {
        each.for_each(|alarm| {
            process::kill_self(SIGALRM);
            check(alarm);
        });
    });
    assert_eq!((counted(), answered), (1_000, 0));

    drop(after(5 * MS));
    // The signal comes, and a check sets the timer to the next deadline.
    let spent = allocations(|| {
        spin_until(|| {
            check(&alarms[0]);
            process::timer().0 > SECOND
        });
    });
    assert_eq!(spent, 0);
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![none_by_checks_under_ten_thousand_alarms]
}
