//! Properties of tokens, strings and fields.

use proptest::prelude::*;
use serde_json::value::RawValue;
use wire::{
    canonical::canonical,
    json::{Kind, fields, tokens, unquote},
};

use super::model::{Json, choices, json};

/// Puts the text together again from its tokens alone, without white space.
fn reassemble(text: &str) -> String {
    let mut out = String::new();
    let mut last = None;
    for token in tokens(text) {
        let opened = matches!(last, None | Some(Kind::BeginArray | Kind::BeginObject));
        let closes = matches!(token.kind, Kind::EndArray | Kind::EndObject);
        match last {
            Some(Kind::Key) => out.push(':'),
            _ if opened || closes => {}
            _ => out.push(','),
        }
        out.push_str(token.text);
        last = Some(token.kind);
    }
    out
}

proptest! {
    #[test]
    fn tokens_reassemble_the_text(value in json(), mut choices in choices()) {
        let text = value.spell(&mut choices);
        prop_assert_eq!(canonical(&reassemble(&text)), canonical(&text));
        let mut at = 0;
        for token in tokens(&text) {
            prop_assert_eq!(&text[token.start..token.end()], token.text);
            let gap = &text[at..token.start];
            prop_assert!(gap.chars().all(|c| " \t\r\n,:".contains(c)), "{:?}", gap);
            at = token.end();
        }
        prop_assert!(text[at..].trim().is_empty());
    }

    #[test]
    fn no_text_makes_the_walk_panic_or_repeat_itself(text in any::<String>(), at in 0..64_usize) {
        let quoted = format!("[\"{text}\\");
        for text in [&text, &quoted] {
            let mut end = 0;
            for token in tokens(text) {
                prop_assert!(token.start >= end && token.end() > token.start);
                end = token.end();
            }
        }
        let _ = unquote(text.get(at..).unwrap_or(&text));
    }

    #[test]
    fn unquote_agrees_with_a_json_parser(inner in r#"([a\\u08dDcC9éf"/n]|\\u[dD][89abcCdDeE]00){0,12}"#) {
        let text = format!("\"{inner}\"");
        let parsed = serde_json::from_str::<String>(&text).ok();
        prop_assert_eq!(unquote(&text).ok().map(String::from), parsed);
    }

    #[test]
    fn fields_are_the_members_of_the_object(value in json(), mut choices in choices()) {
        let text = value.spell(&mut choices);
        let raw: &RawValue = serde_json::from_str(&text).unwrap();
        let Json::Object(members) = value else {
            prop_assert!(fields(raw).is_err());
            return Ok(());
        };
        let fields = fields(raw).unwrap();
        prop_assert_eq!(fields.len(), members.len());
        for (key, value) in fields {
            let expected = members[key.as_ref()].spell(&mut choices);
            prop_assert_eq!(canonical(value.get()), canonical(&expected));
            prop_assert!(text.contains(value.get()));
        }
    }
}
