//! A person as a round sign with initials.

use leptos::prelude::*;

use crate::{
    reactive::varying,
    show::marks::{Form, Piece, pieces},
};

/// The sign. It helps the eye to find a row, and says nothing that the words beside it do not say.
#[component]
pub fn Face(
    /// The person's name or e-mail, as it came.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    view! { <bdi class="face" aria-hidden="true">{varying(move || name.with(|name| initials(name)))}</bdi> }
}

/// The first letters of the first and the last word, of an e-mail what stands before the `@`. Characters that are not seen, or
/// are taken for others, are no initials.
fn initials(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let seen = |piece| match piece {
        Piece::Plain(text) => Some(text),
        Piece::Mark(_) => None,
    };
    let words: Vec<&str> = pieces(name, Form::Line)
        .into_iter()
        .filter_map(seen)
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect();
    let ends = match words.as_slice() {
        [] => [None, None],
        [one] => [Some(one), None],
        [first, .., last] => [Some(first), Some(last)],
    };
    ends.into_iter().flatten().filter_map(|word| capital(word.chars().next()?)).collect()
}

/// The letter as a capital. In a browser by the browser's own table, which need not be loaded.
fn capital(letter: char) -> Option<char> {
    #[cfg(target_arch = "wasm32")]
    return String::from(js_sys::JsString::from(letter.to_string()).to_upper_case()).chars().next();
    #[cfg(not(target_arch = "wasm32"))]
    letter.to_uppercase().next()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, letters) in [
            ("Inês Carvalho", "IC"),
            ("ines.carvalho@acme.example", "IC"),
            ("sam@example.com", "S"),
            ("Anna Maria van den Berg", "AB"),
            ("\u{e9}lodie", "\u{c9}"),
            ("", ""),
        ] {
            assert_eq!(initials(name), letters, "{name}");
        }
    }

    #[test]
    fn what_is_not_seen_is_no_initial() {
        assert_eq!(initials("\u{3164}"), "");
        assert_eq!(initials("\u{202e}\u{200b}kim lee"), "KL");
    }
}
