//! Scenarios that need a process of their own: signals, timers, masks, forks.

#[path = "../support/mod.rs"]
mod support;

mod adversity;
mod blocking;
mod control;
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
mod stdin;
mod system_calls;
mod threads;
mod within;

fn main() {
    support::main(support::modules![
        adversity,
        blocking,
        control,
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
        stdin,
        system_calls,
        threads,
        within,
    ]);
}
