//! What a command says on stdout: words for people, or with `--json` one JSON document on a line for programs. Notes and
//! errors stand on stderr in both.

use std::{
    fmt::Display,
    io::{self, ErrorKind, Write},
};

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
            false => put(words),
        }
    }
}

/// A JSON text for programs. A terminal may be looking: what it would hide or obey stands as an escape, which is the same
/// value.
pub(super) fn document(json: &str) {
    put(escaped_json(json));
}

/// Writes a line to stdout. Who reads it may have gone (`| head`): then the command, which has done its work, ends at once.
pub(super) fn put(line: impl Display) {
    if let Err(error) = writeln!(io::stdout(), "{line}") {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        note(format_args!("permesso: cannot write to stdout: {error}"));
        std::process::exit(1);
    }
}

/// Writes a line to stderr, as far as somebody reads it.
pub(super) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
