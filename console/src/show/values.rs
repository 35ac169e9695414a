//! How one value is written: when a string needs quotes, when it needs room, how it differs from an earlier one.

use super::{
    json::Node,
    marks::{Form, Piece, pieces},
};

/// From so many characters on a value gets the whole width of a narrow screen.
const WIDE: usize = 60;

/// Whether a string without quotes could be taken for something else: a number, true, false, null, nothing at all, an empty
/// list or object, a string with quotes, or the same string without spaces around it.
pub fn is_ambiguous(text: &str) -> bool {
    text.is_empty()
        || text.trim() != text
        || text.starts_with('"')
        || ["true", "false", "null", "[]", "{}"].iter().any(|word| text.eq_ignore_ascii_case(word))
        || looks_like_a_number(text)
}

/// Whether somebody would read it as a number: JSON's, and those with a plus, leading zeros or a bare point.
fn looks_like_a_number(text: &str) -> bool {
    let unsigned = |text: &str| text.strip_prefix(['-', '+']).unwrap_or(text).to_owned();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let text = unsigned(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(unsigned(exponent))),
        None => (text.as_str(), None),
    };
    let (whole, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_exponent = exponent.is_none_or(|exponent| !exponent.is_empty() && digits(&exponent));
    !(whole.is_empty() && rest.is_empty()) && digits(whole) && digits(rest) && is_exponent
}

/// Whether a value gets the whole width of a narrow screen, below its key.
pub fn is_wide(value: &Node) -> bool {
    match value {
        Node::Text(text) | Node::Raw { text, .. } => text.contains('\n') || text.chars().nth(WIDE).is_some(),
        _ => false,
    }
}

/// Whether two values are compared line by line: texts, one of which has several lines.
pub fn is_text_difference(now: &Node, before: &Node) -> bool {
    match (now, before) {
        (Node::Text(now), Node::Text(before)) => {
            !now.is_empty() && !before.is_empty() && (now.contains('\n') || before.contains('\n'))
        }
        _ => false,
    }
}

/// Whether an earlier string is this one without its hidden characters: both look the same.
pub fn differs_by_hidden(now: &Node, before: &Node) -> bool {
    let (Node::Text(now), Node::Text(before)) = (now, before) else { return false };
    let seen: String = pieces(now, Form::Block)
        .into_iter()
        .map(|piece| match piece {
            Piece::Mark(mark) if !mark.visible => "",
            Piece::Mark(mark) => mark.text,
            Piece::Plain(text) => text,
        })
        .collect();
    now != before && seen == *before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_that_could_be_something_else_is_ambiguous() {
        for text in [
            "",
            " ",
            "0042",
            "42",
            "-1",
            "+1",
            "1.",
            ".5",
            "1e9",
            "1E-3",
            "4180.00",
            "true",
            "False",
            "NULL",
            "null",
            "[]",
            "{}",
            "\"quoted\"",
            " padded",
            "padded ",
            "line\n",
        ] {
            assert!(is_ambiguous(text), "{text:?}");
        }
        for text in [
            "Brightwater Ltd",
            "2026-1187",
            "4 180.00 EUR",
            "1,290",
            "DE44 5001",
            ".",
            "-",
            "e5",
            "1.2.3",
            "1e",
            "0x10",
            "truely",
            "{\"a\":1}",
            "a\nb",
            "١٢",
        ] {
            assert!(!is_ambiguous(text), "{text:?}");
        }
    }

    #[test]
    fn a_value_that_hides_a_character_is_known_to_look_like_the_earlier_one() {
        let text = |text: &str| Node::Text(text.to_owned());
        assert!(differs_by_hidden(&text("DE44\u{200b}"), &text("DE44")));
        assert!(!differs_by_hidden(&text("DE44"), &text("DE44")));
        assert!(!differs_by_hidden(&text("DE45\u{200b}"), &text("DE44")));
        assert!(!differs_by_hidden(&Node::Number("1".to_owned()), &text("1")));
    }

    #[test]
    fn texts_of_several_lines_are_compared_line_by_line() {
        let text = |text: &str| Node::Text(text.to_owned());
        assert!(is_text_difference(&text("a\nb"), &text("a")));
        assert!(!is_text_difference(&text("a"), &text("b")));
        assert!(!is_text_difference(&text("a\nb"), &text("")));
        assert!(is_wide(&text("a\nb")) && is_wide(&text(&"x".repeat(61))) && !is_wide(&text("short")));
    }
}
