#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sigalarm::process::fuzz_job(input));
