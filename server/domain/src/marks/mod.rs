//! Text of somebody else's, split into what may stand as it is and what must be pointed out: characters
//! that are not seen (controls, zero-width, bidirectional, fillers, unusual spaces, private use, unassigned)
//! and letters that are taken for others.
//!
//! `hidden` says which invisible character is ordinary where it stands, `lookalike` does so for letters,
//! `names` has the words. Nothing here is removed or changed: a mark stands for the characters it counts.
//!
//! The console, the command line and the summaries of arguments all ask [`pieces`], names and e-mails [`is_blank`] and
//! [`is_unseen`]: nothing else decides what is marked, or not seen.

mod hidden;
mod lookalike;
mod names;
mod scripts;
mod table;

use std::borrow::Cow;

/// So many marks may stand in a row by themselves; a longer row becomes one mark that counts them.
const ROW: usize = 8;

/// How a text is meant to be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line, as keys and names are: a line feed or a tab is marked.
    Line,
    /// A value: line feeds and tabs are ordinary when it has several lines.
    Block,
}

/// A part of a text. The parts of a text cover it whole and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// To be shown as it is. Never empty.
    Plain(&'a str),
    /// To be pointed out.
    Mark(Mark<'a>),
}

/// Characters that must not pass unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark<'a> {
    /// The characters the mark stands for.
    pub text: &'a str,
    /// How many there are: at least one.
    pub count: usize,
    /// True for look-alikes, whose text is to be shown; the text of the others must not reach the page, where
    /// it would still do what it does.
    pub visible: bool,
    /// Short, for the eye: `U+200B`, `U+200B ×3`.
    pub label: String,
    /// In words, for a title and for a screen reader: `zero width space`.
    pub name: String,
}

/// Splits a text.
pub fn pieces(text: &str, form: Form) -> Vec<Piece<'_>> {
    if text.is_empty() {
        return Vec::new();
    }
    if is_plain(text, form) {
        return vec![Piece::Plain(text)];
    }
    let characters: Vec<(usize, char)> = text.char_indices().collect();
    let mut found = hidden::find(&characters, form);
    lookalike::find(&characters, &mut found);

    let end_of = |index: usize| characters.get(index).map_or(text.len(), |(at, _)| *at);
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < found.len() {
        let start = at;
        match found[at] {
            Found::Plain => {
                at = run(&found, at, |other| other == Found::Plain);
                pieces.push(Piece::Plain(&text[end_of(start)..end_of(at)]));
            }
            Found::Hidden => {
                at = run(&found, at, |other| other == Found::Hidden);
                row(text, &characters, start, at, &mut pieces);
            }
            Found::Like(letter) => {
                let script = lookalike::script(characters[at].1);
                at = start + 1;
                while let (Some(Found::Like(_)), Some((_, next))) = (found.get(at), characters.get(at))
                    && lookalike::script(*next) == script
                {
                    at += 1;
                }
                let looks: String = found[start..at]
                    .iter()
                    .map(|one| if let Found::Like(letter) = one { names::plain(*letter) } else { names::plain(letter) })
                    .collect();
                let shown = &text[end_of(start)..end_of(at)];
                let count = at - start;
                let label = if count == 1 { names::code(characters[start].1) } else { format!("{script} ×{count}") };
                let name = format!("{script} {shown}, looks like {looks}");
                pieces.push(Piece::Mark(Mark { text: shown, count, visible: true, label, name }));
            }
        }
    }
    pieces
}

/// A text in one line, for a place that obeys what it is given, as a terminal does. A hidden character stands as its
/// escape (`\u{202e}`, `\n`); more than eight in a row stand as their name in brackets. Look-alikes stand as they are,
/// with their name in brackets behind them.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for piece in pieces(text, Form::Line) {
        match piece {
            Piece::Plain(plain) => escaped.push_str(plain),
            Piece::Mark(mark) if mark.visible => {
                escaped.push_str(mark.text);
                escaped.push_str(&format!("[{}]", mark.name));
            }
            Piece::Mark(mark) if mark.count > ROW => escaped.push_str(&format!("[{}]", mark.name)),
            Piece::Mark(mark) => escaped.extend(mark.text.chars().map(names::escape)),
        }
    }
    escaped
}

/// Whether nothing is seen of a text: it is nothing but white space and hidden characters.
pub fn is_blank(text: &str) -> bool {
    pieces(text, Form::Block).iter().all(|piece| match piece {
        Piece::Plain(text) => text.chars().all(char::is_whitespace),
        Piece::Mark(mark) => !mark.visible,
    })
}

/// Whether a character leaves no ink of its own, or none that anybody could know: controls, format characters, fillers,
/// spaces of every width, private use, unassigned. It may be ordinary where it stands: [`pieces`] says so.
pub fn is_unseen(character: char) -> bool {
    hidden::is_invisible(character)
}

/// A JSON text with the same value, in which each hidden character of a string stands as its escape (`\u202e`).
pub fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for piece in pieces(json, Form::Line) {
        match piece {
            Piece::Plain(plain) => escaped.push_str(plain),
            Piece::Mark(mark) if mark.visible => escaped.push_str(mark.text),
            Piece::Mark(mark) => {
                for character in mark.text.chars() {
                    match character {
                        // Between values, where JSON has room for it.
                        ' ' | '\t' | '\n' | '\r' => escaped.push(character),
                        hidden => escaped.push_str(&json_escape(hidden)),
                    }
                }
            }
        }
    }
    escaped
}

/// A character as JSON's escape: `\u202e`, or two of them.
pub fn json_escape(character: char) -> String {
    let mut units = [0; 2];
    character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// How many characters of a text would be marked.
pub fn count(text: &str, form: Form) -> usize {
    pieces(text, form).iter().map(|piece| if let Piece::Mark(mark) = piece { mark.count } else { 0 }).sum()
}

/// What was found out about one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Plain,
    Hidden,
    /// Looks like this one.
    Like(char),
}

/// Printable ASCII without anything at its ends: nearly every text, and nothing to look for.
fn is_plain(text: &str, form: Form) -> bool {
    let lines = form == Form::Block && hidden::has_lines(text);
    !text.starts_with(' ')
        && !text.ends_with(' ')
        && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e) || (lines && matches!(byte, b'\n' | b'\t')))
}

fn run(found: &[Found], start: usize, is_same: impl Fn(Found) -> bool) -> usize {
    found[start..].iter().position(|one| !is_same(*one)).map_or(found.len(), |length| start + length)
}

/// Hidden characters in a row: repetitions and spelled-out tags become one mark, and so does a long row,
/// which is a message of its own and would bury the text.
fn row<'a>(text: &'a str, characters: &[(usize, char)], start: usize, end: usize, pieces: &mut Vec<Piece<'a>>) {
    let byte = |index: usize| characters.get(index).map_or(text.len(), |(at, _)| *at);
    let mut marks = Vec::new();
    let mut at = start;
    while at < end {
        let first = characters[at].1;
        let from = at;
        let same: &dyn Fn(char) -> bool =
            if names::is_tag(first) { &|other| names::is_tag(other) } else { &|other| other == first };
        while at < end && same(characters[at].1) {
            at += 1;
        }
        let shown = &text[byte(from)..byte(at)];
        let count = at - from;
        let times = if count == 1 { String::new() } else { format!(" ×{count}") };
        let (label, name) = if names::is_tag(first) && count > 1 {
            (format!("tags{times}"), format!("{count} tag characters, which spell “{}”", names::spelled(shown)))
        } else {
            (format!("{}{times}", names::code(first)), format!("{}{}", counted(count), names::name(first)))
        };
        marks.push(Mark { text: shown, count, visible: false, label, name });
    }
    if marks.len() <= ROW {
        pieces.extend(marks.into_iter().map(Piece::Mark));
        return;
    }
    let mut kinds: Vec<Cow<'static, str>> = Vec::new();
    for (_, character) in &characters[start..end] {
        let name = names::name(*character);
        if !kinds.contains(&name) {
            kinds.push(name);
        }
        if kinds.len() > ROW {
            kinds[ROW] = "others".into();
            break;
        }
    }
    let count = end - start;
    pieces.push(Piece::Mark(Mark {
        text: &text[byte(start)..byte(end)],
        count,
        visible: false,
        label: format!("{count} hidden"),
        name: format!("{count} hidden characters: {}", kinds.join(", ")),
    }));
}

fn counted(count: usize) -> String {
    if count == 1 { String::new() } else { format!("{count} times ") }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
