//! The normalised form of a definition: what an upstream may write differently each time without meaning anything else.
//!
//! It is the canonical form ([`canonical`]) with the scalars of `enum`, `required` and `default` arrays sorted: programs
//! write these from unordered sets (approvals.md, "A changed definition").

use std::ops::Range;

use crate::{
    canonical::{CanonicalError, canonical},
    json::{Kind, tokens},
};

/// Members whose arrays stand for sets, as the canonical form spells them.
const SETS: [&str; 3] = [r#""enum""#, r#""required""#, r#""default""#];

/// The normalised form of one JSON text. Two texts have the same one exactly when they differ in nothing but spelling,
/// the order of members, and the order of scalars in the arrays of [`SETS`].
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

/// Which scalar comes to stand where, in the order of the places. What is no scalar keeps its place in its array.
fn moves(canonical: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let mut moves = Vec::new();
    // For each open array or object: the scalars of a set.
    let mut open: Vec<Option<Vec<Range<usize>>>> = Vec::new();
    let mut names_a_set = false;
    for token in tokens(canonical) {
        let begins_set = std::mem::take(&mut names_a_set);
        match token.kind {
            Kind::Key => names_a_set = SETS.contains(&token.text),
            Kind::BeginArray => open.push(begins_set.then(Vec::new)),
            Kind::BeginObject => open.push(None),
            Kind::EndArray | Kind::EndObject => {
                let places = open.pop().flatten().unwrap_or_default();
                let mut scalars = places.clone();
                scalars.sort_by_key(|scalar| &canonical[scalar.clone()]);
                moves.extend(places.into_iter().zip(scalars));
            }
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
