//! What reads what others have written: lengths of time, and files of cities. (What reads a job's child is tested beside
//! it, in src/process/wire.rs.)

#[path = "fuzz/durations.rs"]
mod durations;
#[path = "fuzz/engine.rs"]
mod engine;
#[path = "fuzz/tsplib.rs"]
mod tsplib;
// For `examples/tsp/tsplib.rs`, which names it like this.
use tsplib::instance;

#[test]
fn durations() {
    engine::campaign("durations", durations::KNOWN, durations::WORDS, durations::holds);
}

#[test]
fn tsplib() {
    engine::campaign("tsplib", tsplib::KNOWN, tsplib::WORDS, tsplib::holds);
}
