//! What a tool says, for a person at a terminal. All of it is others' words.

use domain::marks::{Form, Piece, pieces};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::json::fields;

use super::super::output::{document, note, put};

/// More hidden characters in a row than these stand as their name.
const ROW: usize = 8;

/// Whether a result says that the tool failed. What cannot be read says nothing better.
pub(super) fn is_error(result: &RawValue) -> bool {
    match fields(result) {
        Ok(members) => members.iter().any(|(name, value)| name == "isError" && value.get() == "true"),
        Err(_) => true,
    }
}

/// Prints a result: its text, or where there is none, its structured content.
pub(super) fn show(result: &RawValue) {
    let Ok(members) = fields(result) else { return document(result.get()) };
    let member = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.get());
    let blocks: Vec<&RawValue> =
        member("content").and_then(|content| serde_json::from_str(content).ok()).unwrap_or_default();
    let blocks: Vec<Shown> = blocks.into_iter().map(shown).collect();
    let has_text = blocks.iter().any(|block| matches!(block, Shown::Text(_)));
    let structured = member("structuredContent").filter(|structured| !has_text && *structured != "null");
    for block in &blocks {
        match block {
            Shown::Text(text) => put(laid_out(text)),
            Shown::Other(words) => note(laid_out(words)),
        }
    }
    match structured {
        Some(structured) => document(structured),
        None if blocks.is_empty() => note("the tool ran and said nothing"),
        None => {}
    }
}

/// A block of content, as it is shown.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Text(String),
    /// What is no text is named.
    Other(String),
}

fn shown(block: &RawValue) -> Shown {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Block {
        r#type: String,
        text: Option<String>,
        uri: Option<String>,
        mime_type: Option<String>,
        resource: Option<Resource>,
    }
    #[derive(Deserialize)]
    struct Resource {
        uri: Option<String>,
        text: Option<String>,
    }

    let Ok(block) = serde_json::from_str::<Block>(block.get()) else {
        return Shown::Other("[content that cannot be read; --output json has it]".to_owned());
    };
    let resource = block.resource.unwrap_or(Resource { uri: None, text: None });
    match (block.r#type.as_str(), block.text, resource.text, block.uri.or(resource.uri)) {
        ("text", Some(text), ..) | ("resource", _, Some(text), _) => Shown::Text(text),
        ("resource_link", _, _, Some(uri)) => Shown::Text(uri),
        (kind, _, _, uri) => {
            let about: Vec<_> = [block.mime_type, uri].into_iter().flatten().map(|word| format!(", {word}")).collect();
            Shown::Other(format!("[{kind}{}; --output json has it]", about.concat()))
        }
    }
}

/// A text with its lines. What a terminal would hide or obey stands as its escape, and look-alikes have their name.
fn laid_out(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for piece in pieces(text.trim_end(), Form::Block) {
        match piece {
            Piece::Plain(plain) => shown.push_str(plain),
            Piece::Mark(mark) if mark.visible => shown.push_str(&format!("{}[{}]", mark.text, mark.name)),
            Piece::Mark(mark) if mark.count > ROW => shown.push_str(&format!("[{}]", mark.name)),
            Piece::Mark(mark) => shown.extend(mark.text.chars().map(escape)),
        }
    }
    shown
}

fn escape(hidden: char) -> String {
    match hidden {
        '\n' | '\r' | '\t' => hidden.escape_default().to_string(),
        _ => hidden.escape_unicode().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).expect("JSON")
    }

    #[test]
    fn lines_stay_and_nothing_reaches_the_terminal_that_it_would_obey() {
        assert_eq!(laid_out("one\n  two\tthree\n"), "one\n  two\tthree");
        assert_eq!(laid_out("a\u{1b}[2J\u{7}b\u{202e}c\rd"), "a\\u{1b}[2J\\u{7}b\\u{202e}c\\rd");
        assert_eq!(laid_out("a\u{9b}2J\nb\u{8}"), "a\\u{9b}2J\nb\\u{8}");
        assert!(!laid_out(&"\u{1b}".repeat(20)).contains('\u{1b}'));
    }

    #[test]
    fn only_true_is_an_error() {
        assert!(is_error(&raw(r#"{"content": [], "isError": true}"#)));
        assert!(!is_error(&raw(r#"{"content": [{"isError": true}], "isError": false}"#)));
        assert!(!is_error(&raw(r#"{"content": []}"#)));
        assert!(is_error(&raw("[]")), "that is no result");
    }

    #[test]
    fn a_block_is_its_text_or_is_named() {
        for (block, text) in [
            (r#"{"type": "text", "text": "Hi"}"#, "Hi"),
            (r#"{"type": "resource", "resource": {"uri": "a:b", "text": "Hi"}}"#, "Hi"),
            (r#"{"type": "resource_link", "uri": "a:b", "name": "x"}"#, "a:b"),
        ] {
            assert_eq!(shown(&raw(block)), Shown::Text(text.to_owned()), "{block}");
        }
        for (block, words) in [
            (
                r#"{"type": "image", "data": "AA==", "mimeType": "image/png"}"#,
                "[image, image/png; --output json has it]",
            ),
            (
                r#"{"type": "resource", "resource": {"uri": "a:b", "blob": "AA=="}}"#,
                "[resource, a:b; --output json has it]",
            ),
            (r#"{"type": "text", "text": "\ud800"}"#, "[content that cannot be read; --output json has it]"),
            ("7", "[content that cannot be read; --output json has it]"),
        ] {
            assert_eq!(shown(&raw(block)), Shown::Other(words.to_owned()), "{block}");
        }
    }
}
