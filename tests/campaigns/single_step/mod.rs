//! Every instruction interrupted.
//!
//! A handler may run between any two instructions of the thread that it interrupts. No model of the memory says what
//! that means for `arm`, `check` and `drop`, so it is tried: a real process is stopped before each instruction of
//! them in turn, a SIGALRM is made to wait for it there, and it goes on by itself to its end. What it and the kernel
//! then say must be what would have been without the guard: nobody dies who should not, whoever owns a signal gets it
//! once, no ring is lost, nothing is early, and timer, disposition and mask are as they were.
//!
//! An ordinary run takes two instructions of each window, other ones each time, with one combination of what may come and
//! whose it is. `SIGALARM_STEP=sample` takes some with every combination.
//! `SIGALARM_STEP=once` takes every instruction of a window once, with one thing that may come for each in turn, and
//! says before which it has not come; `SIGALARM_STEP=all` takes them with all that may come, `SIGALARM_STEP=137` that
//! one alone. (They take longer than a scenario is given: set `SIGALARM_TEST_PATIENCE` to 1200.)

mod machine;
mod sweep;
mod tracee;
mod tracer;
mod windows;

use crate::support::Scenario;

pub fn scenarios() -> Vec<Scenario> {
    windows::scenarios().into_iter().map(told).collect()
}

/// Passes on what a scenario says of itself: how much it has tried, or that it was skipped.
fn told(scenario: Scenario) -> Scenario {
    scenario.judged(|outcome| {
        print!("{}", outcome.stdout);
        if outcome.status.success() { Ok(()) } else { Err("something went wrong at some instruction".into()) }
    })
}
