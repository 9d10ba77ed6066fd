#![no_main]

#[allow(dead_code)]
#[path = "../../tests/examples/fuzz/tsplib.rs"]
mod tsplib;
use tsplib::instance;

libfuzzer_sys::fuzz_target!(|input: &[u8]| tsplib::holds(input));
