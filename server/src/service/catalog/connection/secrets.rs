//! What must not stand in a connection's log: what of its configuration is not shown to everybody, and the passwords
//! that are a part of such a value.

use std::{collections::BTreeSet, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::Value;
use url::Url;

use super::{
    address::{View, masked_path},
    args::{self, PASSWORDS},
    config::{Config, MASK},
};
use crate::upstream::Secrets;

/// `name=value`, `name: value`, `"name": "value"`, with the scheme of an `Authorization` passed over. A name need not
/// look secret: all of the text is hidden.
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"[A-Za-z0-9_.-]+["']?\s*[=:]\s*["']?(?:(?i:bearer|basic|token)\s+)?([^\s;&,"']+)"#));
/// What comes after the scheme of an `Authorization`.
static AFTER_SCHEME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*[A-Za-z-]+\s+(\S+)\s*$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}

impl Config {
    /// What is taken out of what the upstream writes into its log.
    pub fn secrets(&self) -> Secrets {
        let mut found = BTreeSet::new();
        match self {
            Self::StreamableHttp(http) => {
                http.headers.values().for_each(|value| add_value(&mut found, value));
                add_path(&mut found, http.url.path());
                add_query(&mut found, &http.url);
            }
            Self::Stdio(stdio) => {
                stdio.env.values().for_each(|value| add_value(&mut found, value));
                let shown = stdio.shown_args(View::Masked);
                let hidden = stdio.args.iter().zip(&shown).filter(|(arg, shown)| arg != shown);
                hidden.for_each(|(arg, shown)| add_argument(&mut found, arg, shown));
            }
        }
        Secrets::new(found)
    }
}

fn add_argument(found: &mut BTreeSet<String>, arg: &str, shown: &str) {
    let is_assigned = arg.starts_with('-') && shown != MASK;
    let value = arg.split_once('=').filter(|_| is_assigned).map_or(arg, |(_, value)| value);
    let Some(url) = args::web_address(value) else {
        add_path(found, value);
        return add_value(found, value);
    };
    // Its server is no secret, so the address as a whole need not go.
    let parts = url.path().split('/').chain([url.username(), url.password().unwrap_or_default()]);
    parts.for_each(|part| add_encoded(found, part));
    add_query(found, &url);
}

/// The segments that are masked.
fn add_path(found: &mut BTreeSet<String>, path: &str) {
    let masked = masked_path(path);
    // One for one: a segment is masked or as it is.
    let hidden = path.split('/').zip(masked.split('/')).filter(|(_, shown)| *shown == MASK);
    hidden.for_each(|(segment, _)| add_encoded(found, segment));
}

fn add_query(found: &mut BTreeSet<String>, url: &Url) {
    let raw = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    found.extend(raw.map(|(_, value)| value.to_owned()));
    found.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
}

/// A value as it stands, in each of its lines, and what in it is a password. Logs are lines, and programs say
/// `cannot sign in with <password>` of one that they were given in an address.
fn add_value(found: &mut BTreeSet<String>, value: &str) {
    found.extend(value.lines().map(|line| line.trim().to_owned()));
    let captured = |pattern: &Regex| pattern.captures_iter(value).map(|parts| parts[1].to_owned()).collect::<Vec<_>>();
    PASSWORDS.iter().flat_map(captured).for_each(|password| add_encoded(found, &password));
    for credentials in captured(&AFTER_SCHEME) {
        // `Basic` has a user and a password (RFC 7617).
        let decoded = BASE64_STANDARD.decode(&credentials).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        found.extend(decoded.iter().filter_map(|pair| Some(pair.split_once(':')?.1.to_owned())));
        found.insert(credentials);
    }
    found.extend(captured(&NAMED));
    if value.starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str(value)
    {
        add_strings(found, &json);
    }
}

/// The texts in a value that is JSON, as a service account's key is.
fn add_strings(found: &mut BTreeSet<String>, json: &Value) {
    match json {
        Value::String(text) => found.extend(text.lines().map(|line| line.trim().to_owned())),
        Value::Array(items) => items.iter().for_each(|item| add_strings(found, item)),
        Value::Object(members) => members.values().for_each(|value| add_strings(found, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A part of an address, as it stands there and as it is meant.
fn add_encoded(found: &mut BTreeSet<String>, part: &str) {
    found.insert(part.to_owned());
    found.insert(percent_decode_str(part).decode_utf8_lossy().into_owned());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]

    use api_types::ConnectionKind;
    use serde_json::json;

    use super::*;

    fn redacted(kind: ConnectionKind, config: Value, line: &str) -> String {
        Config::read(kind, &config, None).ok().unwrap().secrets().redacted(line, 4096)
    }

    #[test]
    fn nothing_of_a_program_that_is_not_shown_stands_in_a_line() {
        let config = json!({
            "command": "npx",
            "args": ["-y", "a-server", "postgresql://app:hunter2@db:5432/prod", "--key=qwerty7", "-p", "letmein",
                     "https://hooks.example/services/zxcvbn", "--dsn", "root:p%40ss:w@rd@tcp(db)/x",
                     "--header", "X-Key: monkey1", "Server=db;Pwd=dragon1;", "amqp://a:sunshine@q/?mail=a@b.example",
                     "git+https://asdfgh@git.example/x", "https://poiuyt@git.example/x", "/token/mnbvcx"],
            "env": {"TOKEN": "zxcv-secret-value", "PEM": "-----BEGIN X-----\nMIIabcdefg\n", "SHORT": "on",
                    "GOOGLE": "{\"private_key\": \"line-one\\nline-two\"}", "PATH": "/usr/bin"}
        });
        for secret in [
            "hunter2",
            "qwerty7",
            "letmein",
            "zxcvbn",
            "p%40ss:w@rd",
            "p@ss:w@rd",
            "monkey1",
            "dragon1",
            "sunshine",
            "asdfgh",
            "poiuyt",
            "mnbvcx",
            "zxcv-secret-value",
            "MIIabcdefg",
            "line-one",
            "line-two",
        ] {
            let line = redacted(ConnectionKind::Stdio, config.clone(), &format!("using '{secret}' on a-server"));
            assert_eq!(line, "using '[redacted]' on a-server", "{secret}");
        }
        let plain = "a-server is on at hooks.example";
        assert_eq!(redacted(ConnectionKind::Stdio, config, plain), plain);
    }

    #[test]
    fn nothing_of_an_address_that_is_not_shown_stands_in_a_line() {
        let path = "550e8400-e29b-41d4-a716-446655440000";
        let config = json!({
            "url": format!("https://a.example/{path}/mcp?k=a%20b%20c&n=query-value"),
            "headers": {"authorization": "Bearer hunter2", "x-key": "letmein", "x-basic": "Basic YWRtaW46ZHJhZ29uMQ=="}
        });
        for secret in [path, "a%20b%20c", "a b c", "query-value", "hunter2", "letmein", "dragon1"] {
            let line = redacted(ConnectionKind::StreamableHttp, config.clone(), &format!("got <{secret}>"));
            // Five characters are too few to be told from words.
            let expected = if secret == "a b c" { "got <a b c>" } else { "got <[redacted]>" };
            assert_eq!(line, expected, "{secret}");
        }
    }

    #[test]
    fn a_masked_path_has_as_many_segments_as_the_path() {
        // Or secrets would be missed.
        let path = "/a//ghp_abc/token/x/";
        assert_eq!(path.split('/').count(), masked_path(path).split('/').count());
    }
}
