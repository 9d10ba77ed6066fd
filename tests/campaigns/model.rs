//! Random sequences of operations on alarms, against a model. `tools/src/soak.rs` runs longer.

#[path = "../support/soak/mod.rs"]
mod engine;
use std::time::Duration;

use crate::support::{Scenario, scenario};
use engine::{Tally, forks, scopes, storm, trial};

const WORKERS: u64 = 2;

fn seed() -> u64 {
    match std::env::var("SIGALARM_SEED") {
        Ok(seed) => seed.parse().expect("SIGALARM_SEED is a number"),
        Err(_) => 1_000_000,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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
    run(|seed, tally| trial::campaign(seed, seconds(4), WORKERS, false, tally));
}

fn sequences_under_a_storm() {
    run(|seed, tally| trial::campaign(seed, seconds(2), WORKERS, true, tally));
}

fn outermost_guards_on_many_threads() {
    run(|seed, tally| scopes::campaign(seed, seconds(3), WORKERS, tally));
}

fn alarms_in_a_storm() {
    run(|seed, tally| storm::campaign(seed, 2_000, WORKERS, tally));
}

fn forks_under_guards() {
    run(|seed, tally| forks::campaign(seed, 200, 1, tally));
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        scenario("sequences", sequences),
        scenario("sequences_under_a_storm", sequences_under_a_storm),
        scenario("outermost_guards_on_many_threads", outermost_guards_on_many_threads),
        scenario("alarms_in_a_storm", alarms_in_a_storm),
        scenario("forks_under_guards", forks_under_guards),
    ]
}
