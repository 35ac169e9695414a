//! The normalised form of a definition: what an upstream may write differently each time without meaning anything else.
//!
//! It is the canonical form ([`canonical`]) with the scalars of `enum`, `required` and `default` arrays sorted, and so the
//! words of a `default` text that joins them by commas: programs write these from unordered sets (approvals.md, "A changed
//! definition").

use std::ops::Range;

use crate::{
    canonical::{CanonicalError, canonical},
    json::{Kind, Token, tokens},
};

/// Members whose arrays stand for sets, as the canonical form spells them.
const SETS: [&str; 3] = [r#""enum""#, r#""required""#, DEFAULT];
/// The member whose text may stand for a set of words as well.
const DEFAULT: &str = r#""default""#;

/// The normalised form of one JSON text. Two texts have the same one exactly when they differ in nothing but spelling,
/// the order of members, the order of scalars in the arrays of [`SETS`], and the order of the words of a [`DEFAULT`].
///
/// # Errors
/// See [`CanonicalError`].
pub fn normal(json: &str) -> Result<String, CanonicalError> {
    let canonical = canonical(json)?;
    let mut sorted = String::with_capacity(canonical.len());
    let mut end = 0;
    for (place, scalar) in moves(&canonical) {
        sorted.push_str(&canonical[end..place.start]);
        sorted.push_str(&canonical[scalar]);
        end = place.end;
    }
    sorted.push_str(&canonical[end..]);
    Ok(sorted)
}

/// Which scalar or word comes to stand where, in the order of the places. What is neither keeps its place.
fn moves(canonical: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut moves = Vec::new();
    // For each open array or object: the scalars of a set.
    let mut open: Vec<Option<Vec<Range<usize>>>> = Vec::new();
    let mut key = "";
    for token in tokens(canonical) {
        let member = std::mem::take(&mut key);
        match token.kind {
            Kind::Key => key = token.text,
            Kind::BeginArray => open.push(SETS.contains(&member).then(Vec::new)),
            Kind::BeginObject => open.push(None),
            Kind::EndArray | Kind::EndObject => {
                moves.extend(sorted(canonical, open.pop().flatten().unwrap_or_default()));
            }
            Kind::String if member == DEFAULT => moves.extend(sorted(canonical, words(canonical, &token))),
            Kind::String | Kind::Number | Kind::Literal => {
                if let Some(Some(scalars)) = open.last_mut() {
                    scalars.push(token.start..token.end());
                }
            }
        }
    }
    moves.sort_by_key(|(place, _)| place.start);
    moves
}

/// These places, each with what stands there when they are sorted by their texts.
fn sorted(canonical: &str, places: Vec<Range<usize>>) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let mut texts = places.clone();
    texts.sort_by_key(|text| &canonical[text.clone()]);
    places.into_iter().zip(texts)
}

/// Where the words of a text are that is nothing but words with commas between them, `status,summary` or
/// `status, summary`; none of another text. A word begins with a letter, so that coordinates and versions are none.
fn words(canonical: &str, string: &Token<'_>) -> Vec<Range<usize>> {
    let is_word = |word: &str| {
        let of_word = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.chars().all(of_word)
    };
    let text = &canonical[string.start + 1..string.end() - 1];
    let mut at = string.start + 1;
    let mut words = Vec::new();
    for part in text.split(',') {
        let word = part.trim_start_matches(' ');
        if !is_word(word) {
            return Vec::new();
        }
        words.push(at + part.len() - word.len()..at + part.len());
        at += part.len() + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        normal(one).unwrap() == normal(other).unwrap()
    }

    #[test]
    fn the_order_of_sets_and_of_members_does_not_count() {
        for (one, other) in [
            (r#"{"enum":["b","a"]}"#, r#"{"enum":["a","b"]}"#),
            (r#"{"a":1,"required":["x","y"]}"#, r#"{"required":["\u0079","x"],"a":1.0}"#),
            (r#"{"p":{"default":[3,1,null,"a"]}}"#, r#"{"p":{"default":["a",null,1,3e0]}}"#),
            (r#"{"enum":["b",{"k":1},"a"]}"#, r#"{"enum":["a",{"k":1},"b"]}"#),
            (r#"{"default":[{"required":["b","a"]},2,1]}"#, r#"{"default":[{"required":["a","b"]},1,2]}"#),
            (r#"{"p":{"default":"summary,issue.type,a"}}"#, r#"{"p":{"default":"issue.type,a,summary"}}"#),
            (r#"{"default":"b, a"}"#, r#"{"default":"a, b"}"#),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        assert_eq!(normal(r#"{"required":["b","a"],"enum":[2,1]}"#).unwrap(), r#"{"enum":[1,2],"required":["a","b"]}"#);
    }

    #[test]
    fn everything_else_counts() {
        for (one, other) in [
            (r#"{"enum":["b","a"]}"#, r#"{"enum":["a"]}"#),
            (r#"{"enum":["a","a","b"]}"#, r#"{"enum":["a","b","b"]}"#),
            (r#"{"enum":["1"]}"#, r#"{"enum":[1]}"#),
            (r#"{"examples":["b","a"]}"#, r#"{"examples":["a","b"]}"#),
            (r#"{"default":"b,a"}"#, r#"{"default":"a,b,c"}"#),
            (r#"{"default":"b,a,a"}"#, r#"{"default":"a,b,b"}"#),
            (r#"{"default":"52.5,13.4"}"#, r#"{"default":"13.4,52.5"}"#),
            (r#"{"default":"b and c,a"}"#, r#"{"default":"a,b and c"}"#),
            (r#"{"default":"b,\u0022a"}"#, r#"{"default":"\u0022a,b"}"#),
            (r#"{"default":"b,"}"#, r#"{"default":",b"}"#),
            (r#"{"const":"b,a"}"#, r#"{"const":"a,b"}"#),
            (r#"{"default":{"x":"b,a"}}"#, r#"{"default":{"x":"a,b"}}"#),
            (r#"{"default":["b,a"]}"#, r#"{"default":["a,b"]}"#),
            (r#"{"default":[["b","a"]]}"#, r#"{"default":[["a","b"]]}"#),
            (r#"{"enum":[{"k":1},{"k":2}]}"#, r#"{"enum":[{"k":2},{"k":1}]}"#),
            (r#"{"required":{"x":["b","a"]}}"#, r#"{"required":{"x":["a","b"]}}"#),
            (r#"["enum",["b","a"]]"#, r#"["enum",["a","b"]]"#),
        ] {
            assert!(!same(one, other), "{one} {other}");
        }
        assert!(normal(r#"{"a":1,"a":2}"#).is_err());
    }

    #[test]
    fn a_text_without_sets_is_its_canonical_form() {
        let json = r#"{"b":[2,1],"a":{"enum":"x","default":3}}"#;
        assert_eq!(normal(json).unwrap(), canonical(json).unwrap());
    }
}
