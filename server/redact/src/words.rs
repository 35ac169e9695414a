//! The words that all of it is about, and how patterns are compiled.

use regex::Regex;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";
/// What a secret-looking name has in it.
pub(crate) const WORDS: &str =
    "(?i-u:pass|pw|secret|token|key|cred|auth|cookie|sess|jwt|otp|cvv|cvc|csrf|xsrf|code|connection|pin)";

/// Compiles a pattern of this crate, which are constants.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}
