//! Arguments that refer to variables of the same connection: `{NAME}` stands for the value of `env.NAME`, so that a secret
//! is kept once and an argument shows no more than its name. Only declared names are replaced, `{{` is a brace, and
//! everything else stays as it is.

use std::collections::BTreeMap;

/// A piece of an argument.
enum Piece<'a> {
    /// As it is written.
    Text(&'a str),
    /// The value of a variable.
    Value(&'a str),
}

/// The argument with the values in place.
pub(super) fn resolved(arg: &str, env: &BTreeMap<String, String>) -> String {
    pieces(arg, env).map(|(Piece::Text(text) | Piece::Value(text))| text).collect()
}

/// How long the argument is with the values in place, in bytes.
pub(super) fn resolved_length(arg: &str, env: &BTreeMap<String, String>) -> usize {
    pieces(arg, env).map(|(Piece::Text(text) | Piece::Value(text))| text.len()).sum()
}

/// Whether an argument is not what it would be without references.
pub(super) fn refers(arg: &str, env: &BTreeMap<String, String>) -> bool {
    arg.contains("{{") || pieces(arg, env).any(|piece| matches!(piece, Piece::Value(_)))
}

/// Whether the whole text is one reference.
pub(super) fn is_reference(text: &str, env: &BTreeMap<String, String>) -> bool {
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).is_some_and(|name| env.contains_key(name))
}

fn pieces<'a>(arg: &'a str, env: &'a BTreeMap<String, String>) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = arg;
    std::iter::from_fn(move || {
        let (piece, length) = match rest.find('{') {
            _ if rest.is_empty() => return None,
            None => (Piece::Text(rest), rest.len()),
            Some(0) if rest.starts_with("{{") => (Piece::Text("{"), 2),
            Some(0) => {
                let name = rest[1..].split_once('}').map(|(name, _)| name);
                match name.and_then(|name| Some((name, env.get(name)?))) {
                    Some((name, value)) => (Piece::Value(value), name.len() + 2),
                    None => (Piece::Text("{"), 1),
                }
            }
            Some(at) => (Piece::Text(&rest[..at]), at),
        };
        rest = &rest[length..];
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_names_are_replaced_and_nothing_else_is() {
        let env = BTreeMap::from([("A".to_owned(), "1{B}".to_owned()), ("B".to_owned(), "2".to_owned())]);
        for (arg, expected) in [
            ("{A}", "1{B}"),
            ("--key={B}", "--key=2"),
            ("{A}{B}", "1{B}2"),
            ("{C}", "{C}"),
            ("{", "{"),
            ("}{}", "}{}"),
            ("{{A}", "{A}"),
            ("{{{A}}}", "{1{B}}}"),
            ("{x{B}", "{x2"),
            ("ä{B}ö", "ä2ö"),
            ("", ""),
        ] {
            assert_eq!(resolved(arg, &env), expected, "{arg}");
            assert_eq!(resolved_length(arg, &env), expected.len(), "{arg}");
            assert_eq!(refers(arg, &env), arg != expected, "{arg}");
        }
        assert!(is_reference("{A}", &env) && !is_reference("{C}", &env) && !is_reference("x{A}", &env));
    }
}
