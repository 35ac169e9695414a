//! What a command says on stdout: words for people, or with `--json` one JSON document on a line for programs. Notes and
//! errors stand on stderr in both.

use std::fmt::Display;

use domain::marks::escaped_json;
use serde_json::Value;

/// For whom a command speaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// For programs.
    pub(super) json: bool,
}

impl Output {
    /// Says the same in one of the two ways.
    pub(super) fn say(self, json: &Value, words: impl Display) {
        match self.json {
            true => document(&json.to_string()),
            false => println!("{words}"),
        }
    }
}

/// A JSON text for programs. A terminal may be looking: what it would hide or obey stands as an escape, which is the same
/// value.
pub(super) fn document(json: &str) {
    println!("{}", escaped_json(json));
}
