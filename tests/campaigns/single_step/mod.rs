//! A signal before every instruction of `arm`, `check` and `drop`.
//!
//! A handler may run between any two instructions, which no memory model covers. So a process is stopped before each
//! instruction, a SIGALRM is made pending, and the process runs on. Its outcome must be that of a run without a
//! guard.
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

fn prints_summary(scenario: Scenario) -> Scenario {
    scenario.judged(|outcome| {
        print!("{}", outcome.stdout);
        if outcome.status.success() { Ok(()) } else { Err("a run failed at an instruction".into()) }
    })
}
