//! A signal before every instruction of `arm`, `check` and `drop`.
//!
//! A handler may run between any two instructions, and no memory model covers that. So a real process is stopped
//! before each instruction in turn, and a SIGALRM is made pending there. Then the process runs to its end. Its
//! outcome must be that of a run without a guard: no unexpected death, each foreign signal handled once, no expiry
//! lost or early, and timer, disposition and mask restored.
//!
//! An ordinary run takes a sample of the instructions; `.ci/parts/single-step` takes all.

mod machine;
mod sweep;
mod tracee;
mod tracer;
mod windows;

use crate::support::Scenario;

pub fn scenarios() -> Vec<Scenario> {
    windows::scenarios().into_iter().map(prints_summary).collect()
}

/// Prints the summary of a scenario, or that it was skipped.
fn prints_summary(scenario: Scenario) -> Scenario {
    scenario.judged(|outcome| {
        print!("{}", outcome.stdout);
        if outcome.status.success() { Ok(()) } else { Err("a run failed at an instruction".into()) }
    })
}
