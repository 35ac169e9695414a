//! Sentences of ours in which words of others stand: names, e-mails, reasons, what an error quotes.
//!
//! Only a literal is ours. Everything else is taken for somebody else's, so that news, a title or a label
//! can be given nothing by accident that hides characters or turns the sentence around.

use super::{
    folding::{Hidden, Limit, cut},
    marks::{Form, Piece, pieces},
};

/// A part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Written in this source.
    Ours(&'static str),
    /// Written by somebody else.
    Theirs(String),
}

/// A sentence, as its parts in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<Part>);

impl Words {
    /// The sentence with one of `theirs` in place of each `{}`: `Words::of("Remove {}?", &[&email])`.
    pub fn of(sentence: &'static str, theirs: &[&str]) -> Self {
        debug_assert_eq!(sentence.matches("{}").count(), theirs.len(), "{sentence}");
        let mut theirs = theirs.iter();
        let mut parts = Vec::new();
        for (at, ours) in sentence.split("{}").enumerate() {
            if at > 0
                && let Some(theirs) = theirs.next()
            {
                parts.push(Part::Theirs((*theirs).to_owned()));
            }
            if !ours.is_empty() {
                parts.push(Part::Ours(ours));
            }
        }
        Self(parts)
    }

    /// Nothing but what somebody else wrote.
    pub fn theirs(text: impl Into<String>) -> Self {
        Self(vec![Part::Theirs(text.into())])
    }

    /// This, and `more` after it.
    #[must_use]
    pub fn and(mut self, more: impl Into<Self>) -> Self {
        self.0.extend(more.into().0);
        self
    }

    /// As one text, for what takes nothing else: see [`plain`].
    pub fn plain(&self) -> String {
        let parts = self.0.iter().map(|part| match part {
            Part::Ours(text) => (*text).to_owned(),
            Part::Theirs(text) => plain(text),
        });
        parts.collect()
    }
}

impl From<&'static str> for Words {
    fn from(ours: &'static str) -> Self {
        Self(vec![Part::Ours(ours)])
    }
}

/// Somebody else's text for a place without elements: the window's title, a label, a tooltip, an option. Marks
/// are written out in brackets, a long text ends with how much is left out, and a text that could be read from
/// right to left stands isolated (U+2068, U+2069).
pub fn plain(text: &str) -> String {
    let all = pieces(text, Form::Line);
    let (shown, hidden) = cut(&all, Limit::KEY);
    let mut written = String::new();
    for piece in shown {
        match piece {
            Piece::Plain(text) => written.push_str(text),
            Piece::Mark(mark) => {
                if mark.visible {
                    written.push_str(mark.text);
                }
                written.push('[');
                written.push_str(&mark.name);
                written.push(']');
            }
        }
    }
    if hidden != Hidden::default() {
        written.push_str(" … (");
        written.push_str(&hidden.words());
        written.push(')');
    }
    if written.is_ascii() { written } else { format!("\u{2068}{written}\u{2069}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_ordinary_names_reads_as_it_is_written() {
        let words = Words::of("Remove {} from {}?", &["kim@example.com", "acme"]);
        assert_eq!(words.plain(), "Remove kim@example.com from acme?");
        assert_eq!(words.0.len(), 5);
        assert_eq!(Words::from("People").plain(), "People");
        assert_eq!(Words::from("So: ").and(Words::theirs("{}")).plain(), "So: {}", "a name is no sentence");
    }

    #[test]
    fn no_hidden_character_of_a_name_reaches_a_plain_text() {
        for name in [
            "kim\u{202e}moc.elpmaxe@",
            "a\u{200b}b",
            "\u{3164}",
            "x\u{e0069}\u{e0067}",
            "a\nb",
            "\u{2069}\u{2068}",
            "\u{feff}",
            "tab\there",
        ] {
            let written = plain(name);
            let bare =
                written.strip_prefix('\u{2068}').and_then(|rest| rest.strip_suffix('\u{2069}')).unwrap_or(&written);
            assert_eq!(super::super::marks::count(bare, Form::Line), 0, "{written:?}");
        }
        assert_eq!(plain("a\u{200b}b"), "a[zero width space]b");
    }

    #[test]
    fn letters_that_are_taken_for_others_are_pointed_out() {
        assert!(plain("p\u{430}ypal").contains("[Cyrillic \u{430}, looks like a]"));
    }

    #[test]
    fn a_name_that_is_read_from_right_to_left_stands_isolated() {
        let words = Words::of("{} was approved.", &["\u{5e9}\u{5dc}\u{5d5}\u{5dd}"]);
        assert_eq!(words.plain(), "\u{2068}\u{5e9}\u{5dc}\u{5d5}\u{5dd}\u{2069} was approved.");
    }

    #[test]
    fn a_long_text_ends_with_how_much_is_left_out() {
        let written = plain(&"x".repeat(5_000));
        assert!(written.ends_with("x … (4,800 more characters)\u{2069}"), "{written}");
    }
}
