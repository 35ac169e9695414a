//! Credentials that are known by their shape, wherever in a text they stand.
//!
//! One automaton finds where the shapes of [`SHAPES`] begin, and the shape's reader goes on from there. The cost is
//! linear in the text whatever it holds, because each reader keeps one rule: a byte at which it stopped in vain is
//! read again by no later beginning of the same shape, but for a constant number of bytes. Three ways keep it: a
//! reader gives up within a constant number of bytes; or what it reads cannot go past the next beginning; or the text
//! remembers what was read ([`Text::token`]). What was found as one shape is not searched for that shape again. A match
//! has no largest length: a bound would save nothing, and leave the rest of a long secret in clear.

use std::{ops::Range, sync::LazyLock};

use aho_corasick::AhoCorasick;

mod assigned;
mod header;
mod line;
mod pem;
mod published;
mod schemes;
mod text;

pub(crate) use assigned::is_no_secret;
use published::TOKENS;
use text::Text;

/// A known shape of credential.
struct Shape {
    /// How it begins: ASCII, letters in either case.
    begins: &'static str,
    /// A pattern that matches in every JSON text where this stands in a string, unless it is hidden by `\u`.
    trace: &'static str,
    /// Reads on from where it begins. Says what is to be cut, if it is one.
    read: fn(&Text<'_>, usize) -> Option<Range<usize>>,
}

/// All shapes that are known but for those of [`TOKENS`]. A row is all that another one takes.
const SHAPES: &[Shape] = &[
    Shape { begins: "eyJ", trace: "eyJ", read: json_web_token },
    Shape { begins: "mmcp_", trace: "mmcp_", read: own_key },
    Shape { begins: "bearer", trace: "(?i-u:bearer)", read: schemes::bearer_token },
    Shape { begins: "://", trace: r#"://[^\s"/?\#@]*@|:\\/|:/\\/"#, read: password_in_url },
    Shape { begins: "basic", trace: "(?i-u:basic)", read: schemes::basic_credentials },
    Shape { begins: "-----BEGIN", trace: "-----BEGIN", read: pem::private_key },
    Shape { begins: "bot", trace: "bot[0-9]{5}", read: bot_token_of_telegram },
    Shape { begins: "1//0", trace: r"1\\?/\\?/0", read: refresh_token_of_google },
    Shape {
        begins: ":",
        trace: r#"(?i-u:(?:auth|bearer|code|connection[_.-]?string|cookie|cred|csrf|cv[cv]|jwt|key|otp|pass|pin|pwd|secret|sess|token|xsrf)[a-z0-9_.-]*(?:\\"|')?:)"#,
        read: named,
    },
    // A secret-looking name before it leaves a trace of its own ([`ASSIGNS`]); a signature's is only looked for here.
    Shape { begins: "=", trace: r"[?&;](?i-u:(?:[a-z]+-)*sig)", read: assigned::assigned },
];

/// A text without this assigns nothing.
pub(crate) const ASSIGNS: &str = "=";

/// One pattern for each shape, of which one matches in every JSON text where a credential stands in a string, unless it is
/// hidden by `\u`; but for what is assigned to a secret-looking name, which is found by the name and [`ASSIGNS`].
pub(crate) fn traces() -> impl Iterator<Item = String> {
    SHAPES.iter().map(|shape| shape.trace.to_owned()).chain(TOKENS.iter().map(published::Token::trace))
}

/// How many shapes there are.
const KNOWN: usize = SHAPES.len() + TOKENS.len();

static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let beginnings = SHAPES.iter().map(|shape| shape.begins).chain(TOKENS.iter().map(|token| token.begins));
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(beginnings);
    automaton.expect("the beginnings are constants that the tests compile")
});

/// Where credentials stand in `text`, in its order and without overlaps.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    find_in(&Text::new(text))
}

fn find_in(text: &Text<'_>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Up to where each shape has been found: there it does not begin anew.
    let mut behind = [0; KNOWN];
    for beginning in BEGINNINGS.find_overlapping_iter(text.all) {
        let (shape, at) = (beginning.pattern().as_usize(), beginning.start());
        if at >= behind[shape]
            && let Some(range) = read(shape, text, at)
        {
            behind[shape] = range.end;
            found.push(range);
        }
    }
    united(found)
}

/// Reads on from where a shape may begin.
fn read(shape: usize, text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    match SHAPES.get(shape) {
        Some(shape) => (shape.read)(text, at),
        None => TOKENS.get(shape - SHAPES.len())?.read(text, at),
    }
}

/// The same ranges in order, those that overlap as one.
pub(crate) fn united(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    ranges.dedup_by(|next, before| {
        let overlap = next.start < before.end;
        if overlap {
            before.end = before.end.max(next.end);
        }
        overlap
    });
    ranges
}

/// A JSON Web Token, which begins with `{"` in base64url.
fn json_web_token(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    /// The beginning and what else the shortest first part has.
    const SHORTEST: usize = 7;
    if !text.all[at..].starts_with("eyJ") {
        return None;
    }
    let token = text.token(at);
    token.ends.filter(|_| token.first_ends - at >= SHORTEST).map(|ends| at..ends)
}

/// How an API key of ours begins.
const OWN: &str = "mmcp_";

/// An API key of ours. What is shown of one (6 characters) is left alone, and less than 16 of the 43 are no help to
/// anybody.
fn own_key(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    if !text.all[at..].starts_with(OWN) {
        return None;
    }
    let secret = at + OWN.len();
    let ends = text.run(secret, |character| character.is_ascii_alphanumeric());
    (ends - secret >= 16).then_some(at..ends)
}

/// The password in a URL (RFC 3986 section 3.2.1). The next beginning has a slash, which nothing here goes past.
fn password_in_url(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    let belongs = |character: char| !character.is_whitespace() && !matches!(character, '/' | '?' | '#' | '@');
    let user = at + "://".len();
    let colon = text.run(user, |character| belongs(character) && character != ':');
    if !text.has(colon, b':') {
        return None;
    }
    let ends = text.run(colon + 1, belongs);
    (ends > colon + 1 && text.has(ends, b'@')).then_some(colon + 1..ends)
}

/// A value behind a colon: of a header, or in a line of YAML.
fn named(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    header::header(text, at).or_else(|| line::line(text, at))
}

/// Whether a text begins as a credential does that is known by its beginning alone, or has a whole one anywhere.
pub(crate) fn has_one(text: &str) -> bool {
    let tells = ["eyJ", OWN].iter().any(|begins| text.starts_with(begins))
        || bot_of_telegram(text, 0).is_some()
        || TOKENS.iter().any(|token| token.is_told_by_its_beginning(text));
    tells || !find(text).is_empty()
}

/// Where the secret of a token begins by which a bot of Telegram is reached, as its addresses have it: `bot<id>:<secret>`.
fn bot_of_telegram(text: &str, at: usize) -> Option<usize> {
    /// The most digits that are looked at.
    const LONGEST: usize = 20;
    let id = text.get(at..)?.strip_prefix("bot")?;
    let digits = id.bytes().take(LONGEST).take_while(u8::is_ascii_digit).count();
    (digits >= 5 && id[digits..].starts_with(':')).then_some(at + "bot".len() + digits + 1)
}

fn bot_token_of_telegram(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    let secret = bot_of_telegram(text.all, at)?;
    let ends = text.run(secret, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    (ends - secret >= 30).then_some(at..ends)
}

/// A token by which Google gives access anew.
fn refresh_token_of_google(text: &Text<'_>, at: usize) -> Option<Range<usize>> {
    if text.goes_on(at) {
        return None;
    }
    let secret = at + "1//0".len();
    let ends = text.run(secret, |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    (ends - secret >= 30).then_some(at..ends)
}

#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;
