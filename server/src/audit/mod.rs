//! The record of everything. [`writer`] makes records durable in groups, [`redact`] takes secrets
//! out before they are written, [`export`] is how records leave as a file.

pub mod export;
pub mod redact;
pub mod writer;

pub use writer::Writer;

/// Text as Postgres can keep it: it refuses the character U+0000, which a decoded JSON string may
/// have.
pub fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}
