//! Redaction: a text that is sixteen times as long takes sixteen times as long, whatever it holds; and what was JSON still
//! is.

#![no_main]

#[path = "../../../redact/tests/it/costly.rs"]
mod costly;

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use redact::redact;
use serde_json::value::RawValue;

const SHORT: usize = 16 << 10;
const LONG: usize = 16 * SHORT;
/// How much more each byte of the long text may take: caches and allocations count, and anything quadratic takes 16.
const MORE: f64 = 5.0;
/// What a byte may take in any case, in nanoseconds.
const FREE: f64 = 10.0;
/// How often a busy machine may be the reason.
const ATTEMPTS: usize = 8;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        stays_json(text);
    }
    let (short, long) = (costly::text(data, SHORT), costly::text(data, LONG));
    stays_json(&short);
    let mut measured = Vec::new();
    while measured.last().is_none_or(|(short, long): &(f64, f64)| *long > MORE * short.max(FREE)) {
        assert!(measured.len() < ATTEMPTS, "ns for each byte, short and long: {measured:?}");
        measured.push((time_per_byte(&short), time_per_byte(&long)));
    }
});

fn time_per_byte(text: &str) -> f64 {
    let began = Instant::now();
    redact(text);
    began.elapsed().as_nanos() as f64 / text.len() as f64
}

fn stays_json(text: &str) {
    let is_json = |text: &str| serde_json::from_str::<&RawValue>(text).is_ok();
    assert!(!is_json(text) || is_json(&redact(text)), "{text}");
}
