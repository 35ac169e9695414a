//! Takes secrets out of JSON before it is recorded: values under names that look secret ([`names`]), also where a name and
//! its value are two members, or the two elements of a list ([`pairs`]), values of command-line flags ([`flags`]), and credentials inside strings
//! ([`credentials`]), also inside JSON that stands in a string, as MCP's text blocks have it. All else stays byte for byte.
//!
//! The cost is linear in the text, whatever it holds. It is pure: when and on which thread is the caller's business.
//!
//! This is the second line: what is known to be secret should not be handed to the record at all.
//! A secret in prose, or under a name that says nothing, is not found.

mod credentials;
mod escapes;
mod flags;
mod names;
mod pairs;
mod words;

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::HashMap, ops::Range, sync::LazyLock};

use regex::Regex;
use serde::de::IgnoredAny;
use wire::json::{Kind, Tokens, tokens};

use escapes::{Places, inside, unescape};
use names::is_secret_key;
use pairs::Pairs;
pub use words::REDACTED;
use words::{WORDS, pattern};

/// What stands for a text that may have secrets and cannot be read.
const UNREADABLE: &str = "\"[redacted: not JSON]\"";
/// How deep JSON in strings in JSON is followed; deeper it is text like any other.
const NESTED: usize = 4;

/// What stands for a value: in JSON, in JSON in a string, and so on, as deep as that is followed.
static VALUE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let in_a_string = |value: &String| Some(value.replace('\\', r"\\").replace('"', r#"\""#));
    std::iter::successors(Some(format!("\"{REDACTED}\"")), in_a_string).take(NESTED + 1).collect()
});
/// Texts without a match have no credential in a string. `\u` may hide any of it.
static MAY_HAVE_SHAPE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("{}|{}", traces(), credentials::ASSIGNS)));
/// Texts without a match have nothing to redact, names without one are not secret.
static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("{WORDS}|{}", traces())));

fn traces() -> String {
    credentials::traces().chain([r"\\u".to_owned()]).collect::<Vec<_>>().join("|")
}

/// `json` without secrets: the value of a member with a secret-looking name becomes `"[redacted]"`,
/// whatever it is; JSON Web Tokens, API keys, published shapes of tokens, bearer and basic credentials, private keys,
/// passwords in URLs and what is assigned to a secret-looking name become `[redacted]` where they stand in a string, and so
/// does the value of a command-line flag with such a name, also where it is the next string of an array.
/// Everything else is as it was, order, number forms and white space included.
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
    let edits = edits(json, 0);
    match edits.is_empty() {
        true => Cow::Borrowed(json),
        false => Cow::Owned(apply(json, &edits)),
    }
}

/// Something that is put in the place of a range of the text.
struct Edit {
    range: Range<usize>,
    by: &'static str,
}

/// What is to be changed in a valid JSON text that stands in `depth` strings, in its order and without overlaps.
fn edits(json: &str, depth: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut names = Names::default();
    let may_have_shape = MAY_HAVE_SHAPE.is_match(json) || flags::may_have_one(json);
    let mut value_comes = false;
    let mut pairs = Pairs::of(json);
    let mut tokens = tokens(json);
    while let Some(token) = tokens.next() {
        if let Some(pairs) = &mut pairs {
            pairs.read(token, |name| names.is_secret(name));
        }
        let after_flag = std::mem::take(&mut value_comes);
        if !matches!(token.kind, Kind::Key | Kind::String) {
            continue;
        }
        let raw = inside(token);
        if token.kind == Kind::String {
            if after_flag && !flags::is_reference(raw) {
                edits.push(Edit { range: token.start..token.end(), by: &VALUE[depth] });
                continue;
            }
            value_comes = may_have_shape && flags::is_secret_flag(raw);
        }
        if may_have_shape || may_be_json(raw) {
            edits.extend(in_string(raw, token.start + 1, depth));
        }
        if token.kind == Kind::Key
            && names.is_secret(raw)
            && let Some(range) = next_value(&mut tokens)
        {
            edits.push(Edit { range, by: &VALUE[depth] });
            if let Some(pairs) = &mut pairs {
                pairs.skip();
            }
        }
    }
    let found = pairs.map(Pairs::found).unwrap_or_default();
    if !found.is_empty() {
        edits.extend(found.into_iter().map(|range| Edit { range, by: &VALUE[depth] }));
        outermost(&mut edits);
    }
    edits
}

/// Puts edits into their order, and leaves out those that stand in others.
fn outermost(edits: &mut Vec<Edit>) {
    edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    let mut end = 0;
    edits.retain(|edit| {
        let outside = edit.range.start >= end;
        end = end.max(edit.range.end);
        outside
    });
}

/// What is known of the names in a text: lists of objects have the same few over and over.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, bool>);

impl<'a> Names<'a> {
    /// How many are kept: a text with more does not have a few over and over.
    const KEPT: usize = 1_000;

    fn is_secret(&mut self, raw: &'a str) -> bool {
        match self.0.len() < Self::KEPT {
            true => *self.0.entry(raw).or_insert_with(|| is_secret_key(raw)),
            false => self.0.get(raw).copied().unwrap_or_else(|| is_secret_key(raw)),
        }
    }
}

/// Whether what has this name is a secret by the looks of it.
pub fn is_secret_name(name: &str) -> bool {
    names::is_secret(name)
}

/// Whether a credential stands in a text, or the text begins as one does that is known by its beginning alone, which is not
/// enough to take it for one in the middle of a sentence. For texts that are a name or a token as a whole, as a segment of a
/// path is.
pub fn has_credential(text: &str) -> bool {
    credentials::has_one(text)
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

/// What is to be changed inside one string or key that stands at `start`, in a text that stands in `depth` strings.
fn in_string(raw: &str, start: usize, depth: usize) -> Vec<Edit> {
    if !raw.contains('\\') {
        let found = found(raw).into_iter();
        return found.map(|at| cut(start + at.start..start + at.end)).collect();
    }
    let value = unescape(raw);
    let in_value = match depth < NESTED && may_be_json(&value) && is_json(&value) {
        true => edits(&value, depth + 1),
        false => found(&value).into_iter().map(cut).collect(),
    };
    let mut places = Places::new(raw);
    let mut in_raw = |at| start + places.raw(at);
    in_value.into_iter().map(|edit| Edit { range: in_raw(edit.range.start)..in_raw(edit.range.end), ..edit }).collect()
}

/// Where secrets stand in a text, in its order and without overlaps.
fn found(text: &str) -> Vec<Range<usize>> {
    let mut found = credentials::find(text);
    found.extend(flags::find(text));
    credentials::united(found)
}

fn cut(range: Range<usize>) -> Edit {
    Edit { range, by: REDACTED }
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
        out.push_str(edit.by);
        at = edit.range.end;
    }
    out.push_str(&json[at..]);
    out
}
