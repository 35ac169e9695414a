//! Private keys in PEM (RFC 7468), and what else has that form and is secret. Certificates and public keys are not.

use std::ops::Range;

use super::text::Text;

const BEGIN: &str = "-----BEGIN";
const END: &str = "-----END";
const DASHES: &str = "-----";

/// Reads a whole block: up to its end, or where that is missing as far as a block can go.
pub(super) fn private_key(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.all[at..].starts_with(BEGIN) {
        return None;
    }
    let label = at + BEGIN.len();
    let body = label_ends(text, label)?;
    let name = text.all[label..body].to_ascii_uppercase();
    if !name.contains("PRIVATE KEY") && !name.contains("STATIC KEY") {
        return None;
    }
    if let Some(end) = text.next_end(body) {
        let end = end + END.len();
        return Some(at..label_ends(text, end).unwrap_or(end));
    }
    // It was cut off. In a sentence something else follows than the end of a line.
    text.all[body..].starts_with(['\n', '\r', '\\']).then(|| {
        let belongs = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=:,.-\\".contains(c);
        at..text.run(body, belongs)
    })
}

/// Where a label and the dashes behind it end. It has no dash, so that no beginning stands in it.
fn label_ends(text: &Text<'_>, at: usize) -> Option<usize> {
    let ends = text.run(at, |character| character.is_ascii_alphanumeric() || character == ' ');
    text.all[ends..].starts_with(DASHES).then_some(ends + DASHES.len())
}
