//! Takes secrets out of JSON before it is recorded: values under names that look secret ([`names`])
//! and credentials inside strings ([`credentials`]), also inside JSON that stands in a string, as MCP's
//! text blocks have it. All else stays byte for byte.
//!
//! This is the second line: what is known to be secret should not be handed to the record at all.
//! A secret in prose, or under a name that says nothing, is not found.

mod credentials;
mod escapes;
mod names;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, ops::Range, sync::LazyLock};

use regex::Regex;
use serde::de::IgnoredAny;
use wire::json::{Kind, Token, Tokens, tokens};

use escapes::Unescaped;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";
/// What stands for a text that may have secrets and cannot be read.
const UNREADABLE: &str = "\"[redacted: not JSON]\"";
/// How deep JSON in strings in JSON is followed; deeper it is text like any other.
const NESTED: usize = 4;

/// Texts without a match have nothing to redact. `\u` may hide any of the words.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    let words = "pass|pwd|secret|token|key|cred|auth|bearer|cookie|sess|jwt|otp|cvv|cvc|csrf|xsrf|code|connection|pin";
    pattern(&format!(r#"(?i-u:{words})|mmcp_|eyJ|://[^\s"/?\#@]*@|:\\/\\/|\\u"#))
});

/// `json` without secrets: the value of a member with a secret-looking name becomes `"[redacted]"`,
/// whatever it is; JSON Web Tokens, API keys, bearer tokens and passwords in URLs become `[redacted]`
/// where they stand in a string. Everything else is as it was, order, number forms and white space
/// included.
///
/// A text that is not JSON comes back as it is when nothing in it could be secret, and else as one
/// string that says so: where names and values are is not to be guessed.
pub fn redact(json: &str) -> Cow<'_, str> {
    if !CANDIDATE.is_match(json) {
        return Cow::Borrowed(json);
    }
    if !is_json(json) {
        return Cow::Borrowed(UNREADABLE);
    }
    let edits = edits(json, NESTED);
    match edits.is_empty() {
        true => Cow::Borrowed(json),
        false => Cow::Owned(apply(json, &edits)),
    }
}

/// Something that is put in the place of a range of the text.
struct Edit {
    range: Range<usize>,
    text: Cow<'static, str>,
}

/// What is to be changed in a valid JSON text, in its order and without overlaps.
fn edits(json: &str, nested: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut tokens = tokens(json);
    while let Some(token) = tokens.next() {
        match token.kind {
            Kind::Key => {
                edits.extend(in_string(token, nested));
                if has_secret_name(token)
                    && let Some(range) = next_value(&mut tokens)
                {
                    edits.push(Edit { range, text: Cow::Borrowed("\"[redacted]\"") });
                }
            }
            Kind::String => edits.extend(in_string(token, nested)),
            _ => {}
        }
    }
    edits
}

fn has_secret_name(key: Token<'_>) -> bool {
    let raw = inside(key);
    match raw.contains('\\') {
        true => names::is_secret(&Unescaped::new(raw).text),
        false => names::is_secret(raw),
    }
}

/// Where the value that comes next stands; the tokens go on behind it.
fn next_value(tokens: &mut Tokens<'_>) -> Option<Range<usize>> {
    let first = tokens.next()?;
    let mut last = first;
    let mut open = 0_usize;
    loop {
        match last.kind {
            Kind::BeginObject | Kind::BeginArray => open += 1,
            Kind::EndObject | Kind::EndArray => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(first.start..last.end());
        }
        last = tokens.next()?;
    }
}

/// What is to be changed inside one string or key.
fn in_string(token: Token<'_>, nested: usize) -> Vec<Edit> {
    let raw = inside(token);
    let start = token.start + 1;
    if !CANDIDATE.is_match(raw) {
        return Vec::new();
    }
    if !raw.contains('\\') {
        let found = credentials::find(raw).into_iter();
        return found
            .map(|at| Edit { range: start + at.start..start + at.end, text: Cow::Borrowed(REDACTED) })
            .collect();
    }
    let value = Unescaped::new(raw);
    let in_value = match nested > 0 && looks_like_json(&value.text) && is_json(&value.text) {
        true => edits(&value.text, nested - 1),
        false => {
            let found = credentials::find(&value.text).into_iter();
            found.map(|range| Edit { range, text: Cow::Borrowed(REDACTED) }).collect()
        }
    };
    let in_raw = in_value.into_iter().map(|edit| Edit {
        range: start + value.raw(edit.range.start)..start + value.raw(edit.range.end),
        text: Cow::Owned(edit.text.replace('\\', r"\\").replace('"', r#"\""#)),
    });
    in_raw.collect()
}

/// A string's text between its quotes, escapes kept.
fn inside(token: Token<'_>) -> &str {
    token.text.get(1..token.text.len() - 1).unwrap_or_default()
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"'])
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn apply(json: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(json.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(&json[at..edit.range.start]);
        out.push_str(&edit.text);
        at = edit.range.end;
    }
    out.push_str(&json[at..]);
    out
}

/// Compiles one of the patterns of this module, which are constants.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}
