//! Redacts a connection's own secrets from everything that its upstream says, before it is stored or shown.

use std::{fmt, sync::OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use redact::{REDACTED, redact};

/// Shorter values cannot be told from words, and are kept.
const SHORTEST: usize = 6;

/// The secrets that no log of a connection may contain. A search takes time linear in the text, however many there are.
/// Its `Debug` shows none.
#[derive(Default)]
pub struct Secrets {
    values: Vec<String>,
    /// Built on the first search: most connections never say anything.
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl Secrets {
    /// Of these values, those of 6 bytes and more, plain and as quoted in JSON.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| value.len() >= SHORTEST).collect();
        // Many logs are JSON.
        let quoted = values.iter().map(|value| (value, serde_json::Value::from(value.as_str()).to_string()));
        let escaped = quoted.filter(|(value, quoted)| quoted.len() > value.len() + 2);
        let escaped: Vec<String> = escaped.map(|(_, quoted)| quoted[1..quoted.len() - 1].to_owned()).collect();
        values.extend(escaped);
        Self { values, automaton: OnceLock::new() }
    }

    /// How many bytes of a line must be known so that its first `limit` can be shown: a secret may begin in them and
    /// end after them.
    pub fn window(&self, limit: usize) -> usize {
        limit + self.values.iter().map(String::len).max().unwrap_or_default()
    }

    /// The first `limit` bytes of `line`, with `[redacted]` in place of each secret that begins in them and of what
    /// looks like a credential.
    pub fn redacted(&self, line: &str, limit: usize) -> String {
        let line = &line[..line.floor_char_boundary(self.window(limit))];
        let end = line.floor_char_boundary(limit);
        let mut clean = String::with_capacity(end);
        let mut done = 0;
        for found in self.automaton().iter().flat_map(|automaton| automaton.find_iter(line)) {
            if found.start() >= end {
                break;
            }
            clean.push_str(&line[done..found.start()]);
            clean.push_str(REDACTED);
            done = found.end();
        }
        clean.push_str(line.get(done..end).unwrap_or_default());
        without_credentials(clean)
    }

    fn automaton(&self) -> Option<&AhoCorasick> {
        let make = || {
            // A DFA would take 64 times the memory for the longest values that a configuration may have.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).kind(kind).build(&self.values)
        };
        self.automaton
            .get_or_init(|| make().inspect_err(|error| tracing::error!(%error, "secrets not searched")).ok())
            .as_ref()
    }
}

/// Redacted like a record: the line is a JSON string, which may itself be JSON.
fn without_credentials(line: String) -> String {
    let quoted = serde_json::Value::from(line.as_str()).to_string();
    serde_json::from_str(&redact(&quoted)).unwrap_or(line)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("values", &self.values.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(values: &[&str]) -> Secrets {
        Secrets::new(values.iter().map(|value| (*value).to_owned()))
    }

    #[test]
    fn secrets_of_six_bytes_and_more_are_taken_out_the_longest_first() {
        let secrets = secrets(&["hunter2", "hunter2-and-more", "abcde", "", "ünïcödé", "a\"b\\c d"]);
        let line = secrets.redacted(r#"a hunter2 hunter2-and-more abcde ünïcödé a"b\c d a\"b\\c d"#, 100);
        assert_eq!(line, "a [redacted] [redacted] abcde [redacted] [redacted] [redacted]");
        assert_eq!(format!("{secrets:?}"), "Secrets { values: 5 }");
    }

    #[test]
    fn no_beginning_of_a_secret_is_left_where_a_line_is_cut() {
        let secrets = secrets(&["hunter2-hunter2"]);
        for before in 0..30 {
            let line = format!("{}hunter2-hunter2{}", "x".repeat(before), "y".repeat(50));
            let shown = secrets.redacted(&line, 20);
            assert!(!shown.contains('h'), "{before}: {shown}");
            let read = &line[..secrets.window(20)];
            assert_eq!(secrets.redacted(read, 20), shown, "as much as was asked for is enough");
        }
    }

    #[test]
    fn what_looks_like_a_credential_is_taken_out_too() {
        let none = Secrets::default();
        assert_eq!(
            none.redacted("connecting to redis://u:hunter2@cache", 100),
            "connecting to redis://u:[redacted]@cache"
        );
        assert_eq!(
            none.redacted(r#"{"level":"info","password":"x"}"#, 100),
            r#"{"level":"info","password":"[redacted]"}"#
        );
        assert_eq!(none.redacted("plain \"text\" \\ é", 100), "plain \"text\" \\ é");
    }
}
