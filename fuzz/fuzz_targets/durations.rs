#![no_main]

#[allow(dead_code)]
#[path = "../../tests/examples/fuzz/durations.rs"]
mod durations;

libfuzzer_sys::fuzz_target!(|input: &[u8]| durations::holds(input));
