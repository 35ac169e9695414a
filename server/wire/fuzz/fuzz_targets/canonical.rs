//! Canonical JSON: one value has one text, however it was written, and inside another
//! value the same one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use wire::{
    canonical::{CanonicalError, MAX_DEPTH, arguments_sha256, canonical, check_numbers, sha256},
    json::{Kind, fields, tokens},
};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // Whatever it is, the walk ends and its tokens are pieces of the text.
    for token in tokens(text) {
        assert_eq!(&text[token.start..token.end()], token.text);
    }
    let Ok(form) = canonical(text) else { return };
    assert_eq!(canonical(&form).as_ref(), Ok(&form));
    // Escapes shrink; a number grows by 30 bytes at most, and a digit takes at least two.
    assert!(form.len() <= 16 * text.len() + 30);

    let hash = arguments_sha256(text);
    match &hash {
        Ok(hash) => assert_eq!(hash, &sha256(form.as_bytes())),
        Err(error) => {
            assert!(matches!(error, CanonicalError::Number { .. }), "{error}");
            assert_eq!(check_numbers(text).as_ref(), Err(error));
        }
    }
    let raw: &RawValue = serde_json::from_str(text).expect("it has a canonical form");
    let mut reversed = String::new();
    reverse(raw, &mut reversed);
    assert_eq!(arguments_sha256(&reversed).ok(), hash.ok(), "{reversed}");

    if depth(text) < MAX_DEPTH {
        assert_eq!(canonical(&format!("[{text}]")), Ok(format!("[{form}]")));
        let object = format!("{{\"b\":{text},\"a\":0}}");
        assert_eq!(canonical(&object), Ok(format!("{{\"a\":0,\"b\":{form}}}")));
        assert!(canonical(&format!("{{\"a\":{text},\"\\u0061\":{text}}}")).is_err());
    }
});

/// The same value with the members of every object in the opposite order, keys spelt
/// with escapes and white space about.
fn reverse(raw: &RawValue, out: &mut String) {
    match raw.get().as_bytes()[0] {
        b'{' => {
            let mut between = "{ ";
            for (key, value) in fields(raw).expect("no key is there twice").into_iter().rev() {
                out.push_str(between);
                out.push('"');
                for unit in key.encode_utf16() {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
                out.push_str("\" : ");
                reverse(value, out);
                between = " ,\n";
            }
            out.push_str(if between == "{ " { "{}" } else { "}" });
        }
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(raw.get()).expect("an array");
            out.push('[');
            for (at, value) in values.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "\t," });
                reverse(value, out);
            }
            out.push(']');
        }
        _ => out.push_str(raw.get()),
    }
}

fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens(text) {
        match token.kind {
            Kind::BeginObject | Kind::BeginArray => depth += 1,
            Kind::EndObject | Kind::EndArray => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
