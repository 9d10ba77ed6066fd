//! What reads what others have written: lengths of time, and files of cities. (What reads a job's child is tested beside
//! it, in src/process/wire.rs.)

mod durations;
#[path = "../support/mutations.rs"]
mod engine;
pub mod tsplib;

#[test]
fn durations() {
    engine::campaign("durations", durations::KNOWN, durations::WORDS, durations::holds);
}

#[test]
fn tsplib() {
    engine::campaign("tsplib", tsplib::KNOWN, tsplib::WORDS, tsplib::holds);
}
