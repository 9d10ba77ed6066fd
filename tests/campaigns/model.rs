//! Random sequences of operations on alarms, against a model. `tools/src/soak.rs` runs longer.

#[path = "../support/soak/mod.rs"]
pub mod engine;

use crate::support::*;
use engine::{Tally, forks, scopes, storm, trial};

const WORKERS: u64 = 2;

pub fn seed() -> u64 {
    match std::env::var("SIGALARM_SEED") {
        Ok(seed) => seed.parse().expect("SIGALARM_SEED is a number"),
        Err(_) => 1_000_000,
    }
}

fn run(campaign: impl FnOnce(u64, &'static Tally) -> Result<(), String>) {
    let tally = Tally::new();
    let seed = seed();
    let result = campaign(seed, tally);
    println!("first seed {seed}\n{tally}");
    if let Err(why) = result {
        panic!("{why}");
    }
    assert!(tally.processes.get() > 0 && tally.alarms.get() > 0, "nothing was tried");
}

fn sequences() {
    run(|seed, tally| trial::campaign(seed, 4 * SECOND, WORKERS, false, tally));
}

fn sequences_under_a_storm() {
    run(|seed, tally| trial::campaign(seed, 2 * SECOND, WORKERS, true, tally));
}

fn outermost_guards_on_many_threads() {
    run(|seed, tally| scopes::campaign(seed, 3 * SECOND, WORKERS, tally));
}

fn alarms_in_a_storm() {
    run(|seed, tally| storm::campaign(seed, 2_000, WORKERS, tally));
}

fn forks_under_guards() {
    run(|seed, tally| forks::campaign(seed, 200, 1, tally));
}

pub fn scenarios() -> Vec<Scenario> {
    scenarios![
        sequences,
        sequences_under_a_storm,
        outermost_guards_on_many_threads,
        alarms_in_a_storm,
        forks_under_guards,
    ]
}
