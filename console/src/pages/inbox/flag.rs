//! What should stop the eye in a row: one word with its icon, and the icons of what else there is.

use api_types::Approval;
use domain::marks::{self, Form, Piece};

use crate::components::{Shape, Tone};

/// One of the things that should stop the eye, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flag {
    /// A character in the arguments cannot be seen.
    Hidden,
    /// A letter in the arguments is easily taken for another.
    LookAlike,
    /// The server says that the tool is destructive.
    Destructive,
    /// The tool has changed, and nobody has reviewed that.
    Changed,
    /// So many requests, this one included, are for the same tool with the same arguments.
    Alike(usize),
}

impl Flag {
    /// Everything that should stop the eye in a request's row; `text` is what [`in_text`] found in its arguments.
    pub fn of(approval: &Approval, text: Option<Self>, alike: usize) -> Vec<Self> {
        let flags = [
            text,
            (approval.hints.destructive == Some(true)).then_some(Self::Destructive),
            approval.definition_changed.then_some(Self::Changed),
            (alike > 1).then_some(Self::Alike(alike)),
        ];
        flags.into_iter().flatten().collect()
    }

    /// Its colour and icon.
    pub fn look(self) -> (Tone, Shape) {
        match self {
            Self::Hidden | Self::LookAlike => (Tone::Bad, Shape::Eye),
            Self::Destructive => (Tone::Bad, Shape::Warning),
            Self::Changed => (Tone::Warn, Shape::Change),
            Self::Alike(_) => (Tone::Quiet, Shape::Stack),
        }
    }

    /// Its words.
    pub fn words(self) -> String {
        match self {
            Self::Hidden => "hidden character".to_owned(),
            Self::LookAlike => "look-alike letter".to_owned(),
            Self::Destructive => "destructive".to_owned(),
            Self::Changed => "tool changed".to_owned(),
            Self::Alike(count) => format!("{count} alike"),
        }
    }
}

/// The gravest mark in what a row has of the arguments.
pub fn in_text(approval: &Approval) -> Option<Flag> {
    let texts = approval.values.iter().chain(&approval.summary);
    texts.filter_map(|text| marked(text).or_else(|| has_escape(text).then_some(Flag::Hidden))).min()
}

fn marked(text: &str) -> Option<Flag> {
    let marks = marks::pieces(text, Form::Line).into_iter().filter_map(|piece| match piece {
        Piece::Mark(mark) if mark.visible => Some(Flag::LookAlike),
        Piece::Mark(_) => Some(Flag::Hidden),
        Piece::Plain(_) => None,
    });
    marks.min()
}

/// Whether a character was escaped because it cannot be seen (`\u200b`): the server does so in values and summaries. A
/// backslash that somebody wrote stands there twice.
fn has_escape(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('\\') {
        let digits = after.strip_prefix('u').and_then(|digits| digits.get(..4));
        if digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit())) {
            return true;
        }
        let mut behind = after.chars();
        behind.next();
        rest = behind.as_str();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;

    fn with(value: &str) -> Approval {
        Approval { values: vec!["4 180.00 EUR".to_owned(), value.to_owned()], ..request(1, "pending", 9) }
    }

    #[test]
    fn a_hidden_character_is_found_raw_and_escaped() {
        for value in ["DE44\u{200b}", r"DE44\u200b", r"a\udb40\udc41", r"C:\\temp\u202e", r"\é\u200b"] {
            assert_eq!(in_text(&with(value)), Some(Flag::Hidden), "{value:?}");
        }
        for value in ["DE44", r"C:\\users\\u200b", r"a\nb", r"\", r"\u20", "Zo\u{eb}"] {
            assert_eq!(in_text(&with(value)), None, "{value:?}");
        }
    }

    #[test]
    fn a_letter_that_is_taken_for_another_is_no_hidden_character() {
        assert_eq!(in_text(&with("p\u{430}ypal")), Some(Flag::LookAlike));
        let both = Approval { summary: Some(r#"to "a\u200b""#.to_owned()), ..with("p\u{430}ypal") };
        assert_eq!(in_text(&both), Some(Flag::Hidden));
    }

    #[test]
    fn the_gravest_comes_first_and_nothing_is_left_out() {
        let mut approval = Approval { definition_changed: true, ..with("\u{200b}") };
        approval.hints.destructive = Some(true);
        let flags = Flag::of(&approval, in_text(&approval), 3);
        assert_eq!(flags, [Flag::Hidden, Flag::Destructive, Flag::Changed, Flag::Alike(3)]);
        assert_eq!(Flag::of(&request(1, "pending", 9), None, 1), []);
    }
}
