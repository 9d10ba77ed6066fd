//! What needs a process of its own: signals, timers, masks, forks. A module for each subject.

#[path = "../support/mod.rs"]
mod support;

mod adversity;
mod blocking;
mod faults;
mod foreign;
mod fork_exec;
mod limits;
mod neighbours;
mod nesting;
#[cfg(sigalarm_rtsan)]
mod real_time;
mod reasons;
mod restoration;
mod signals;
mod system_calls;
mod threads;

fn main() {
    support::main(support::modules![
        adversity,
        blocking,
        faults,
        foreign,
        fork_exec,
        limits,
        neighbours,
        nesting,
        #[cfg(sigalarm_rtsan)]
        real_time,
        reasons,
        restoration,
        signals,
        system_calls,
        threads,
    ]);
}
