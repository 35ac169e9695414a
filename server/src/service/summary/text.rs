//! Text of strangers as a line may show it.

use domain::marks::{Form, Piece, json_escape, pieces};

/// The longest value of a row, in characters.
pub(super) const LONGEST: usize = 60;
/// The longest name before a value, in characters.
const NAME: usize = 24;

/// Which characters stand as their JSON escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Those that cannot be seen: for JSON that stands as it is.
    Hidden,
    /// The backslash too: no text looks like an escape.
    Bare,
    /// The quote too: for a text between quotes.
    Quoted,
}

/// The text as a line may show it, in at most so many characters, and whether that is all of it. No escape is cut through.
pub(super) fn written(text: &str, escapes: Escapes, most: usize) -> (String, bool) {
    // What a character is depends on the next one, so that one more is looked at than can be shown.
    let beginning = text.char_indices().nth(most + 2).map_or(text, |(at, _)| &text[..at]);
    let mut shown = String::new();
    let mut length = 0;
    for piece in pieces(beginning, Form::Line) {
        let (part, hidden) = match piece {
            Piece::Plain(part) => (part, false),
            Piece::Mark(mark) => (mark.text, !mark.visible),
        };
        for character in part.chars() {
            let escaped = escaped(character, hidden, escapes);
            length += escaped.chars().count();
            if length > most {
                return (shown, false);
            }
            shown.push_str(&escaped);
        }
    }
    (shown, true)
}

/// A value behind its name, which is in quotes where it could pass for something else.
pub(super) fn named(name: &str, value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (escapes, quote) = match !name.is_empty() && name.chars().all(plain) {
        true => (Escapes::Bare, ""),
        false => (Escapes::Quoted, "\""),
    };
    let (shown, whole) = written(name, escapes, NAME - 2 * quote.len());
    let shown = if whole { shown } else { both_ends(name, escapes) };
    let name = format!("{quote}{shown}{quote}");
    let room = LONGEST - name.chars().count() - 2;
    format!("{name}: {}", cut(value, Escapes::Hidden, room))
}

/// The beginning and the end of a name that is too long: its last word may say what is counted.
fn both_ends(name: &str, escapes: Escapes) -> String {
    let half = (NAME - 3) / 2;
    let end = name.char_indices().rev().nth(half - 1).map_or(name, |(at, _)| &name[at..]);
    format!("{}…{}", written(name, escapes, half).0, written(end, escapes, half).0)
}

/// In at most so many characters, the last of which is `…` where it is not all.
pub(super) fn cut(text: &str, escapes: Escapes, most: usize) -> String {
    let (shown, whole) = written(text, escapes, most);
    if whole {
        return shown;
    }
    let (shown, _) = written(text, escapes, most - 1);
    format!("{shown}…")
}

fn escaped(character: char, hidden: bool, escapes: Escapes) -> String {
    match character {
        '"' if escapes == Escapes::Quoted => "\\\"".to_owned(),
        '\\' if escapes != Escapes::Hidden => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        _ if hidden => json_escape(character),
        plain => plain.to_string(),
    }
}
