//! Parsers of untrusted text: durations and city files. `src/process/wire` has the tests of the wire format.

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
