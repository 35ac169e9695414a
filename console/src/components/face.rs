//! A person, as a circle with their initials.

use leptos::prelude::*;

use crate::reactive::varying;

/// The initials of a name or an e-mail. They say nothing to screen readers: the name beside them does.
#[component]
pub fn Face(
    /// The name or the e-mail, as it came.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    view! { <span class="face" aria-hidden="true">{varying(move || name.with(|name| initials(name)))}</span> }
}

/// The first letters of the first two words of a name, or of what stands before the `@` of an e-mail. Only letters and
/// digits are taken, so that nothing hidden comes along.
fn initials(name: &str) -> String {
    let local = name.split('@').next().unwrap_or_default();
    let words = local.split(|letter: char| !letter.is_alphanumeric()).filter_map(|word| word.chars().next());
    words.take(2).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn initials_are_those_of_the_first_two_words() {
        for (name, two) in [
            ("ines.carvalho@acme.example", "IC"),
            ("Inês de Carvalho", "ID"),
            ("mara@acme.example", "M"),
            ("ops+on-call@acme.example", "OO"),
            ("\u{202e}\u{200b}.x", "X"),
            ("@", ""),
        ] {
            assert_eq!(initials(name), two, "{name}");
        }
    }
}
