#![no_main]
#[allow(dead_code)]
#[path = "../../crates/pagemill-pdf/examples/fuzz/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::open_file(data));
