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

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::LazyLock};

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

/// What a credential has in it, wherever it stands. `\u` may hide any of it.
const SHAPES: &str = r#"(?i-u:bearer)|mmcp_|eyJ|://[^\s"/?\#@]*@|:\\/\\/|\\u"#;
/// What a secret-looking name has in it.
const WORDS: &str =
    "(?i-u:pass|pwd|secret|token|key|cred|auth|cookie|sess|jwt|otp|cvv|cvc|csrf|xsrf|code|connection|pin)";

/// Texts without a match have no credential in a string.
static MAY_HAVE_SHAPE: LazyLock<Regex> = LazyLock::new(|| pattern(SHAPES));
/// Texts without a match have nothing to redact, names without one are not secret.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("{WORDS}|{SHAPES}")));

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
    // Lists of objects have the same few names over and over.
    let mut secret_names = HashMap::new();
    let may_have_shape = MAY_HAVE_SHAPE.is_match(json);
    let mut tokens = tokens(json);
    while let Some(token) = tokens.next() {
        if !matches!(token.kind, Kind::Key | Kind::String) {
            continue;
        }
        let raw = inside(token);
        if may_have_shape || may_be_json(raw) {
            edits.extend(in_string(raw, token.start + 1, nested));
        }
        if token.kind == Kind::Key
            && *secret_names.entry(raw).or_insert_with(|| is_secret_key(raw))
            && let Some(range) = next_value(&mut tokens)
        {
            edits.push(Edit { range, text: Cow::Borrowed("\"[redacted]\"") });
        }
    }
    edits
}

/// Whether what has this name is a secret by the looks of it.
pub fn is_secret_name(name: &str) -> bool {
    names::is_secret(name)
}

fn is_secret_key(raw: &str) -> bool {
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

/// What is to be changed inside one string or key that stands at `start`.
fn in_string(raw: &str, start: usize, nested: usize) -> Vec<Edit> {
    if !raw.contains('\\') {
        let found = credentials::find(raw).into_iter();
        return found.map(|at| cut(start + at.start..start + at.end)).collect();
    }
    let value = Unescaped::new(raw);
    let in_value = match nested > 0 && may_be_json(&value.text) && is_json(&value.text) {
        true => edits(&value.text, nested - 1),
        false => credentials::find(&value.text).into_iter().map(cut).collect(),
    };
    let in_raw = in_value.into_iter().map(|edit| Edit {
        range: start + value.raw(edit.range.start)..start + value.raw(edit.range.end),
        text: Cow::Owned(edit.text.replace('\\', r"\\").replace('"', r#"\""#)),
    });
    in_raw.collect()
}

fn cut(range: Range<usize>) -> Edit {
    Edit { range, text: Cow::Borrowed(REDACTED) }
}

/// A string's text between its quotes, escapes kept.
fn inside(token: Token<'_>) -> &str {
    token.text.get(1..token.text.len() - 1).unwrap_or_default()
}

/// Whether a text may be JSON that has names or strings, as it is or as it stands in a string.
fn may_be_json(text: &str) -> bool {
    let mut text = text.trim_start();
    while let Some(rest) = [r"\n", r"\r", r"\t"].iter().find_map(|space| text.strip_prefix(space)) {
        text = rest.trim_start();
    }
    text.starts_with(['{', '[', '"']) || text.starts_with(r#"\""#)
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
