//! Canonical JSON: the text by which arguments and definitions are compared.
//!
//! RFC 8785 with the two additions of approvals.md ("What an approval is bound to"):
//! a number that a double would change keeps its exact decimal value, and duplicate
//! keys and lone surrogates are refused. Two texts have the same canonical form
//! exactly when they have the same value. It is never sent or shown as what a caller
//! wrote; it only compares.
//!
//! Time is near-linear in the length of the text (keys are sorted), without
//! recursion; the canonical form is at most a small multiple as long.

mod survey;
mod write;

use aws_lc_rs::digest;
use serde_json::value::RawValue;

pub use crate::number::NumberProblem;
use crate::{
    json::{Kind, tokens},
    number,
};
use survey::Surveyed;

/// How deep arrays and objects may be nested; the limit of most JSON parsers.
pub const MAX_DEPTH: usize = 128;

/// Why a text has no canonical form. The texts are fit for an agent to read.
///
/// `pointer` is a JSON pointer (RFC 6901) to the place, shortened when very long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// An object has two members of the same name, so its value is not defined.
    #[error("duplicate key at {pointer:?}: each key may stand in an object once")]
    DuplicateKey {
        /// The member that stands there twice.
        pointer: String,
    },
    /// A key or a string has half of a surrogate pair in its escapes.
    #[error("the text at {pointer:?} is not valid Unicode: it has a lone surrogate escape")]
    LoneSurrogate {
        /// The string, or the member whose key it is (the key as it is spelt).
        pointer: String,
    },
    /// More than [`MAX_DEPTH`] arrays and objects inside each other.
    #[error("nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// A number that a caller may not send; only [`arguments_sha256`] and [`check_numbers`] say so.
    #[error("the number {number} at {pointer:?} {problem}")]
    Number {
        /// How it begins, 40 characters at most.
        number: String,
        /// The number.
        pointer: String,
        /// What is wrong with it.
        problem: NumberProblem,
    },
    /// Not JSON at all.
    #[error("not valid JSON: {reason}")]
    Syntax {
        /// What was expected, with line and column; never the text itself.
        reason: String,
    },
}

/// The canonical form of one JSON text.
///
/// # Errors
/// See [`CanonicalError`].
pub fn canonical(json: &str) -> Result<String, CanonicalError> {
    Ok(write::write(json, &surveyed(json)?.sorted))
}

fn surveyed(json: &str) -> Result<Surveyed<'_>, CanonicalError> {
    if let Err(error) = serde_json::from_str::<&RawValue>(json) {
        let reason = error.to_string();
        return Err(CanonicalError::Syntax { reason });
    }
    survey::survey(json)
}

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sum
}

/// The arguments hash of an approval: SHA-256 of the canonical form.
///
/// # Errors
/// See [`CanonicalError`].
pub fn arguments_sha256(json: &str) -> Result<[u8; 32], CanonicalError> {
    let surveyed = surveyed(json)?;
    match surveyed.unusable {
        Some(unusable) => Err(unusable),
        None => Ok(sha256(write::write(json, &surveyed.sorted).as_bytes())),
    }
}

/// Finds the first number in a JSON text that a caller may not send (see [`NumberProblem`]).
///
/// # Errors
/// [`CanonicalError::Number`]; where that cannot name a place, why the text has no canonical form.
pub fn check_numbers(json: &str) -> Result<(), CanonicalError> {
    if !tokens(json).any(|token| token.kind == Kind::Number && number::problem(token.text).is_some()) {
        return Ok(());
    }
    // Only now is it worth knowing where everything stands.
    surveyed(json)?.unusable.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn pointer_of(json: &str) -> String {
        match canonical(json) {
            Err(CanonicalError::DuplicateKey { pointer }) => format!("duplicate {pointer}"),
            Err(CanonicalError::LoneSurrogate { pointer }) => format!("surrogate {pointer}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_sample_of_rfc_8785_comes_out_as_printed_there() {
        // Section 3.2.2, but for the first number: a double would change it.
        let sample = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = concat!(
            r#"{"literals":[null,true,false],"#,
            r#""numbers":[333333333.33333329,1e+30,4.5,0.002,1e-27],"#,
            r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        );
        assert_eq!(canonical(sample).unwrap(), expected);
    }

    #[test]
    fn the_keys_of_rfc_8785_are_sorted_as_printed_there() {
        // Section 3.2.3.
        let sample = r#"{ "\u20ac": "Euro Sign", "\r": "Carriage Return",
            "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis" }"#;
        let expected = [
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",",
            "\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",",
            "\"😀\":\"Emoji: Grinning Face\",",
            "\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
        ];
        assert_eq!(canonical(sample).unwrap(), expected.concat());
    }

    #[test]
    fn nested_objects_are_sorted_inside_sorted_and_unsorted_ones() {
        let json = r#" {"b":[{"z":1,"y":{"b":[],"a":{}}},[2]],"a":{"d":1,"c":[{"f":0,"e":0}]}} "#;
        let expected = r#"{"a":{"c":[{"e":0,"f":0}],"d":1},"b":[{"y":{"a":{},"b":[]},"z":1},[2]]}"#;
        assert_eq!(canonical(json).unwrap(), expected);
        assert_eq!(canonical(expected).unwrap(), expected);
    }

    #[test]
    fn one_call_has_one_hash_however_it_is_written() {
        let one = arguments_sha256(r#"{"amount":100,"to":"é/"}"#).unwrap();
        let same = arguments_sha256(r#"{ "t\u006f":"\u00e9\/", "amount":1.0e2 }"#).unwrap();
        assert_eq!(one, same);
        let other = arguments_sha256(r#"{"amount":100,"to":"É/"}"#).unwrap();
        assert_ne!(one, other);
        let [big, bigger] = ["9007199254740992", "9007199254740993"];
        assert_ne!(arguments_sha256(big).unwrap(), arguments_sha256(bigger).unwrap());
        assert_ne!(arguments_sha256("100").unwrap(), arguments_sha256("\"100\"").unwrap());
    }

    #[test]
    fn the_hash_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String = sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }

    #[test]
    fn a_duplicate_key_is_named_by_its_pointer() {
        assert_eq!(pointer_of(r#"{"a":1,"b":2,"\u0061":3}"#), "duplicate /a");
        assert_eq!(pointer_of(r#"{"a":1,"a":1}"#), "duplicate /a");
        let deep = r#"{"to":[0,{"x/y":{"~":[],"~":1}}]}"#;
        assert_eq!(pointer_of(deep), "duplicate /to/1/x~1y/~0");
        assert_eq!(pointer_of(r#"[[],{"":1,"":2}]"#), "duplicate /1/");
    }

    #[test]
    fn a_lone_surrogate_is_named_by_its_pointer() {
        assert_eq!(pointer_of(r#""\udc00""#), "surrogate ");
        assert_eq!(pointer_of(r#"{"a":["\ud83d\ude00","\ud83dx"]}"#), "surrogate /a/1");
        assert_eq!(pointer_of(r#"{"a":{"b":1,"\ud800":1}}"#), r"surrogate /a/\ud800");
    }

    #[test]
    fn a_very_long_pointer_is_cut() {
        let key = "é".repeat(100_000);
        let pointer = pointer_of(&format!(r#"{{"{key}":1,"{key}":1}}"#));
        assert!(pointer.chars().count() < 250 && pointer.ends_with('…'));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(canonical(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(canonical(&nested(MAX_DEPTH + 1)), Err(CanonicalError::TooDeep));
        let objects = format!("{}1{}", "{\"a\":".repeat(129), "}".repeat(129));
        assert_eq!(canonical(&objects), Err(CanonicalError::TooDeep));
    }

    #[test]
    fn a_number_that_no_double_comes_near_is_named_and_refused_as_an_argument() {
        use NumberProblem::{TooLarge, TooLong, TooSmall};
        let digits = "1".repeat(1_000_000);
        let zeros = format!("0.{}1", "0".repeat(400));
        for (number, expected) in [
            ("1e400", TooLarge),
            ("-1e400", TooLarge),
            ("1.8E+308", TooLarge),
            ("1e999999999", TooLarge),
            ("1e99999999999999999999999", TooLarge),
            (&digits[..310], TooLarge),
            ("1e-400", TooSmall),
            ("-0.001e-999999999", TooSmall),
            (&zeros, TooSmall),
            (&digits, TooLong(1_000_000)),
        ] {
            let json = format!(r#"{{"a":[1,{{"b":{number}}}],"c":1e999}}"#);
            let Err(error @ CanonicalError::Number { .. }) = arguments_sha256(&json) else { panic!("{json:.60}") };
            assert_eq!(check_numbers(&json), Err(error.clone()));
            let CanonicalError::Number { number: named, pointer, problem } = error else { unreachable!() };
            assert_eq!((pointer.as_str(), problem), ("/a/1/b", expected));
            assert!(named.chars().count() <= 41 && number.starts_with(named.trim_end_matches('…')), "{named}");
            assert!(canonical(&json).is_ok(), "it still has a form to be compared by");
        }
        let text = arguments_sha256(r#"{"amount":1e400}"#).unwrap_err().to_string();
        assert!(text.starts_with(r#"the number 1e400 at "/amount" is too large"#), "{text}");
    }

    #[test]
    fn a_number_of_any_precision_in_the_range_of_doubles_is_taken() {
        let exact = format!("0.{}", "12345678".repeat(137));
        for number in [
            "0",
            "-0",
            "0e400",
            "0.00e-999999999999999999999",
            "9007199254740993",
            "1.7976931348623157e308",
            "5e-324",
            &exact,
        ] {
            assert!(arguments_sha256(number).is_ok() && check_numbers(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_without_repeating_it() {
        for json in ["", "{", "{\"secret\":}", "[1,]", "01", "1.", "nul", "\"\n\"", "{} 1", "NaN"] {
            let Err(error @ CanonicalError::Syntax { .. }) = canonical(json) else {
                panic!("{json} was accepted");
            };
            assert!(!error.to_string().contains("secret"));
        }
    }
}
