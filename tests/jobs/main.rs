//! Jobs. Each scenario runs in a process of its own.

#[path = "../support/mod.rs"]
mod support;

mod adversaries;
mod frozen_clock;
mod limits;
mod outcomes;
mod pool;
mod threads;
mod traces;
mod values;

fn main() {
    support::main(support::modules![
        adversaries,
        frozen_clock,
        limits,
        outcomes,
        pool,
        threads,
        traces,
        values
    ]);
}
