//! Bodies of 4 MiB that are made to cost much. Each bound is far above what linear
//! work takes on a slow machine and far below what anything quadratic would.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use wire::{
    canonical::canonical,
    envelope::{Incoming, parse},
    error::INVALID_REQUEST,
    json::tokens,
};

const SIZE: usize = 4 << 20;

fn within_bound<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{what} took {took:?}");
    result
}

fn keys(prefix: &str, descending: bool) -> String {
    let mut out = "{".to_owned();
    let count = SIZE / (prefix.len() + 11);
    for i in 0..count {
        let i = if descending { count - i } else { i };
        let _ = write!(out, "\"{prefix}{i:06}\":0,");
    }
    out.pop();
    out + "}"
}

#[test]
fn deep_nesting_is_refused_quickly() {
    for text in ["[".repeat(SIZE), "{\"a\":".repeat(SIZE / 5), "[".repeat(SIZE / 2) + &"]".repeat(SIZE / 2)] {
        within_bound("nesting", || {
            assert!(canonical(&text).is_err());
            assert!(tokens(&text).count() > 0);
            // An array that ends is a batch of one entry, which is no message.
            let read = parse(text.as_bytes());
            assert!(matches!(read, Err(_) | Ok(Incoming::Batch(_))));
        });
    }
}

#[test]
fn many_keys_are_sorted_quickly() {
    let long = "x".repeat(2_000);
    for prefix in ["", "\\u0061", "😀", &long] {
        for descending in [false, true] {
            let text = keys(prefix, descending);
            let form = within_bound("keys", || canonical(&text).unwrap());
            assert!(form.len() > SIZE / 4);
            within_bound("envelope", || assert!(parse(text.as_bytes()).is_err()));
        }
    }
}

#[test]
fn unsorted_objects_inside_each_other_cost_no_more_than_their_length() {
    let inner = format!("[{}0]", "{\"b\":0,\"a\":0},".repeat(SIZE / 14));
    let text = format!("{}{inner}{}", "{\"b\":".repeat(126), ",\"a\":0}".repeat(126));
    let form = within_bound("objects", || canonical(&text).unwrap());
    assert!(form.starts_with("{\"a\":0,\"b\":{\"a\":0,"));
    assert_eq!(form.len(), text.len());
}

#[test]
fn huge_numbers_are_not_expanded() {
    let exponents = ["1e999999999", "1e-999999999", "-1E+99999999999999999999999"];
    for text in exponents {
        assert!(within_bound("exponent", || canonical(text).unwrap()).len() < 40);
    }
    let digits = "9".repeat(SIZE);
    for text in [
        format!("1e{digits}"),
        format!("0.1e-{digits}"),
        format!("{digits}e-{digits}"),
        format!("0.{}1", "0".repeat(SIZE)),
        format!("1{}", "0".repeat(SIZE)),
        format!("[{}0]", "1e-7,".repeat(SIZE / 5)),
    ] {
        let form = within_bound("number", || canonical(&text).unwrap());
        assert!(form.len() <= text.len() + 30);
    }
}

#[test]
fn strings_full_of_escapes_are_read_quickly() {
    for escape in ["\\u0061", "\\n", "\\ud83d\\ude00", "\\\\"] {
        let text = format!("\"{}\"", escape.repeat(SIZE / escape.len()));
        within_bound("string", || canonical(&text).unwrap());
    }
}

#[test]
fn a_batch_of_crumbs_is_refused_as_a_whole() {
    let text = format!("[{}0]", "0,".repeat(SIZE / 2));
    let error = within_bound("batch", || parse(text.as_bytes()).map(drop).unwrap_err());
    assert_eq!(error.code, INVALID_REQUEST);
}
