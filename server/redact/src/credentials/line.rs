//! Lines of YAML, and of other texts that are written so: `password: hunter2`, also as an item of a list, with a value in
//! quotes, or with a block below (`private_key: |`). And members of JSON in the middle of another text, as lines of logs have
//! them: `"password":"hunter2"`.
//!
//! The cost is linear: only the first name of a line is looked at, or one in quotes before a value in quotes, so that a line
//! is read once, and a value or block that is read is found.

use std::ops::Range;

use super::{
    assigned::{LONGEST_NAME, is_no_secret},
    text::Text,
};
use crate::names;

/// The deepest indentation that is looked at, in bytes.
const DEEPEST: usize = 200;

/// What stands behind such a name in descriptions of a value, and in sentences about one.
const WORDS: [&str; 44] = [
    "absent",
    "any",
    "array",
    "bool",
    "boolean",
    "bytes",
    "changed",
    "default",
    "disabled",
    "empty",
    "enabled",
    "expired",
    "hidden",
    "int",
    "integer",
    "invalid",
    "masked",
    "missing",
    "no",
    "number",
    "object",
    "off",
    "ok",
    "omitted",
    "on",
    "optional",
    "password",
    "present",
    "private",
    "public",
    "required",
    "secret",
    "set",
    "str",
    "string",
    "text",
    "token",
    "unchanged",
    "unknown",
    "unset",
    "valid",
    "wrong",
    "yes",
    "redacted",
];

/// Where programs keep values.
const ELSEWHERE: [&str; 4] = ["process.env.", "import.meta.env.", "os.environ", "secrets."];

/// Reads the name before a colon, and when it looks secret the value behind it, if the name begins a line or both are in
/// quotes. Of several words without quotes, which may be a sentence, none is taken.
pub(super) fn line(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    // YAML wants a space, or the line's end.
    let from = text.run(at + 1, |character| matches!(character, ' ' | '\t'));
    let ends_line = text.all[from..].chars().next().is_none_or(|next| matches!(next, '\n' | '\r'));
    let is_member = text.all[..at].ends_with(['"', '\'']) && text.all[from..].starts_with(['"', '\'']);
    if ends_line || (from == at + 1 && !is_member) {
        return None;
    }
    let quoted = text.all[..at].strip_suffix(['"', '\'']).map(str::len);
    let ends = quoted.unwrap_or(at);
    let begins =
        text.run_back(ends, LONGEST_NAME, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let name = &text.all[begins..ends];
    if name.is_empty() || !names::is_secret(name) {
        return None;
    }
    let starts = match quoted {
        None => begins,
        Some(end) => begins.checked_sub(1).filter(|before| text.all.as_bytes()[*before] == text.all.as_bytes()[end])?,
    };
    let indent = if is_member { 0 } else { indentation(text, starts)? };
    value(text, from, indent)
}

/// How far what begins at this byte is indented: nothing stands before it in its line but dashes of items.
fn indentation(text: &Text<'_>, at: usize) -> Option<usize> {
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'-');
    let begins = text.run_back(at, DEEPEST, blank);
    let before = &text.all[begins..at];
    let begins_line = begins == 0 || text.all[..begins].ends_with(['\n', '\r']);
    // Each with a space behind it.
    let are_items = !before.contains("--") && !before.ends_with('-');
    (begins_line && are_items).then_some(at - begins)
}

/// The value that begins at this byte, if it is one that is secret.
fn value(text: &Text<'_>, from: usize, indent: usize) -> Option<Range<usize>> {
    if let Some(quote) = text.all[from..].chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let range = from + 1..text.quoted(from + 1, quote);
        return (!range.is_empty() && !is_word(&text.all[range.clone()])).then_some(range);
    }
    let ends = text.run(from, |character| !matches!(character, '\n' | '\r'));
    let whole = &text.all[from..ends];
    let said = whole.split(" #").next().unwrap_or_default().trim_end();
    if said.starts_with(['|', '>']) && said.len() <= 3 {
        return block(text, ends, indent);
    }
    let value = said.trim_end_matches([',', ';']);
    let is_one = !value.is_empty()
        && !value.contains(char::is_whitespace)
        && !value.contains("::")
        && !value.starts_with(['&', '*', '!', '{', '['])
        && !is_reference(value)
        && !value.contains(['<', '>', '(', ')'])
        && !ELSEWHERE.iter().any(|place| value.starts_with(place))
        && !is_word(value);
    is_one.then_some(from..from + value.len())
}

/// The lines below that are indented further, and what is blank between them.
fn block(text: &Text<'_>, mut at: usize, indent: usize) -> Option<Range<usize>> {
    let (mut begins, mut ends) = (None, at);
    loop {
        let line = at + text.all[at..].chars().take_while(|character| matches!(character, '\n' | '\r')).count();
        if line == at {
            break;
        }
        let first = text.run(line, |character| character == ' ');
        let end = text.run(first, |character| !matches!(character, '\n' | '\r'));
        if first == end && end < text.all.len() {
            at = end;
            continue;
        }
        if first - line <= indent || first == end {
            break;
        }
        begins.get_or_insert(first);
        (at, ends) = (end, end);
    }
    begins.map(|begins| begins..ends)
}

/// Whether this is the name of a variable. (A hash of a password begins with the same sign and has more of them.)
fn is_reference(value: &str) -> bool {
    value.starts_with("${")
        || value
            .strip_prefix('$')
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Whether this is a word about a value, or says where one is.
fn is_word(value: &str) -> bool {
    let word = value.trim_end_matches(['.', '!', '?', ',', ';']);
    is_no_secret(value) || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use crate::{credentials::find, tests::starred};

    fn redacted(text: &str) -> String {
        starred(text, find(text))
    }

    #[test]
    fn values_behind_secret_names_are_found_where_they_begin_a_line() {
        for (text, expected) in [
            ("password: hunter2", "password: *"),
            ("db:\n  user: app\n  password: swordfish\n", "db:\n  user: app\n  password: *\n"),
            ("password: hunter2  # the old one\r\nport: 1", "password: *  # the old one\r\nport: 1"),
            ("password: \"correct horse\"", "password: \"*\""),
            ("pwd: 'it is # one'", "pwd: '*'"),
            ("users:\n- name: ada\n  api_key: k1\n- token: t1\n", "users:\n- name: ada\n  api_key: *\n- token: *\n"),
            ("- - secret: a:b", "- - secret: *"),
            ("  \"client_secret\": abc,", "  \"client_secret\": *,"),
            ("pin: 1234\notp:\t000111", "pin: *\notp:\t*"),
            ("connectionString: Server=a;Pwd=b", "connectionString: *"),
            ("smtp.password: x1", "smtp.password: *"),
            ("token: x;", "token: *;"),
            ("password_hash: $2b$12$abc", "password_hash: *"),
            (
                "tls:\n  private_key: |\n    line one\n\n    line two\n  port: 1",
                "tls:\n  private_key: |\n    *\n  port: 1",
            ),
            ("secret: >-\n  a b\n", "secret: >-\n  *\n"),
            (
                "POST body={\"user\":\"a\",\"password\":\"hunter2\"} ok",
                "POST body={\"user\":\"a\",\"password\":\"*\"} ok",
            ),
            ("data: {\"access_token\": \"t\"}", "data: {\"access_token\": \"*\"}"),
            ("{\"secret\":\"a\"}\n{\"secret\":\"b\"}", "{\"secret\":\"*\"}\n{\"secret\":\"*\"}"),
            ("{'password': 'x y', 'port': 1}", "{'password': '*', 'port': 1}"),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    #[test]
    fn what_only_resembles_one_is_left_alone() {
        for text in [
            "password: required",
            "Password: Required.",
            "  password: string;\n  token: \"string\"\n  secret: null",
            "password: must have eight characters",
            "Token: see the manual for how to get one.",
            "enter the password: hunter2 is none",
            "use https://a.example/token: x",
            "password:\nnext: 1",
            "password:hunter2",
            "password: |\nport: 1",
            "password: |",
            "token: ${TOKEN}\napi_key: $API_KEY\npwd: $pwd\nsecret: {{ secret }}\npassword: !vault |",
            "  token: Option<String>,\n  password: &str,\n  secret: crate::Secret,\n  auth: Auth(1)",
            "password: process.env.PASSWORD,",
            "credentials: [a, b]\nauth: {user: a}\nsecret: *anchor",
            "tokens: 12\nauthor: ada\npassword_policy: strict\nkey: value\nstatus_code: 200",
            "--- password: x",
            "\"password: hunter2",
            "{\"token\":\"string\",\"password\":\"\"} is the shape",
            "he said \"password\": that is none",
            ": x\n\"\": y\n\": z",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
