//! What of an upstream's address is shown: it may carry secrets, in its query and, as many hosted upstreams have it, as a
//! segment of its path. A masked part of an address that comes back keeps what was there, in the same place only. What is
//! shown of a program is in [`args`](super::args).

use std::sync::LazyLock;

use redact::{has_credential, is_secret_name};
use regex::Regex;
use url::Url;

use super::config::{MASK, nothing_to_keep};
use crate::error::Result;

/// How much of an address or a command line is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Without what looks like a secret.
    Masked,
    /// With the whole path, or all of the arguments that does not look secret: for people who may change the connection.
    Whole,
}

/// Letters with a short number, as names have it: `v2`, `oauth2`, `beta12`.
static NUMBERED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:[A-Za-z]+[0-9]{1,4}|[0-9]{1,4}[a-z]{0,2})$")
        .expect("the pattern is a constant that the tests compile")
});
/// How many letters and digits have to stand in a segment that looks like a token.
const LONG: usize = 16;
/// How many have to stand together to look like one whatever they are: no name is that long.
const TOGETHER: usize = 24;

/// The address as it is shown. Values of its query are never shown, nor is a password.
pub(super) fn shown(url: &Url, view: View) -> Url {
    let mut shown = url.clone();
    // An address has neither: it was refused, or stored before it was.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if view == View::Masked {
        shown.set_path(&masked_path(url.path()));
    }
    if url.query().is_some() {
        shown.query_pairs_mut().clear().extend_pairs(url.query_pairs().map(|(name, _)| (name, MASK)));
    }
    shown
}

/// Whether `url` is the same place as `before`, of which parts may be masked: what was given for that is for it too. The
/// query counts, since it may say where an upstream sends what it gets.
pub(super) fn is_same_place(before: &Url, url: &Url) -> bool {
    let mut pairs = before.query_pairs().zip(url.query_pairs());
    before.origin() == url.origin()
        && (before.path() == url.path() || masked_path(before.path()) == url.path())
        && before.query_pairs().count() == url.query_pairs().count()
        && pairs.all(|((old_name, old), (name, value))| old_name == name && (value == MASK || value == old))
}

/// Puts the path of `before`, which is the same place, where placeholders stand.
///
/// # Errors
/// A placeholder with nothing to keep.
pub(super) fn keep_path(url: &mut Url, before: Option<&Url>) -> Result<()> {
    if url.path().split('/').any(|segment| segment == MASK) {
        url.set_path(before.ok_or_else(|| nothing_to_keep("url"))?.path());
    }
    Ok(())
}

/// Puts the query of `before`, which is the same place, where placeholders stand.
///
/// # Errors
/// A placeholder with nothing to keep.
pub(super) fn keep_query(url: &mut Url, before: Option<&Url>) -> Result<()> {
    let Some(name) = url.query_pairs().find_map(|(name, value)| (value == MASK).then_some(name)) else { return Ok(()) };
    let before = before.ok_or_else(|| nothing_to_keep(&format!("url, `{name}`")))?;
    url.set_query(before.query());
    Ok(())
}

/// A path, each segment that looks like a secret masked.
pub(super) fn masked_path(path: &str) -> String {
    let mut before = "";
    let segments = path.split('/').map(|segment| {
        let is_secret = !segment.is_empty() && (is_named(before) || is_secret(segment));
        before = segment;
        if is_secret { MASK } else { segment }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Whether this is the name of a secret, which comes next.
pub(super) fn is_named(before: &str) -> bool {
    !before.contains(['=', ':']) && is_secret_name(before)
}

/// Whether a segment of a path, or an argument, looks like a token, or has one behind a name.
pub(super) fn is_secret(segment: &str) -> bool {
    let mut parts = segment.split(['=', ':', ';', ',', '@', '!']);
    let named = segment.contains(['=', ':']) && parts.any(is_secret_name);
    named || has_credential(segment) || looks_random(segment)
}

/// Whether a text is long, and not made of words and short numbers alone.
fn looks_random(text: &str) -> bool {
    let runs = || text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty());
    let length: usize = runs().map(str::len).sum();
    length >= LONG && runs().any(|run| run.len() >= TOGETHER || mixes(run) || (run.len() >= LONG && digits(run)))
}

/// Whether letters and digits, or cases, are mixed as in no name.
fn mixes(run: &str) -> bool {
    let has = |class: fn(&u8) -> bool| run.bytes().any(|byte| class(&byte));
    let rises = run.as_bytes().windows(2).filter(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    let numbers = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && !NUMBERED.is_match(run);
    numbers || rises.count() > 1
}

fn digits(run: &str) -> bool {
    run.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]

    use super::*;

    fn masked(url: &str) -> String {
        shown(&url.parse().unwrap(), View::Masked).to_string()
    }

    #[test]
    fn what_looks_like_a_token_in_a_path_is_masked() {
        for token in [
            "4f9c2a7be01d4c6a9e8b7f3a2d1c0b9e",
            "550e8400-e29b-41d4-a716-446655440000",
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "aB3-xY9_QwErTy-12ZzPq0",
            "AbCdEfGhIjKlMnOpQrStUv",
            "kqzvhwplmxnbtrydcgfjsaeu",
            "1234567890123456",
            "a1b2-c3d4-e5f6-g7h8",
            "sk-abc123",
            "lin_api_abc",
            "hvs.abc",
            "ghp_16C7e42F292c6912E7",
            "mmcp_0123456789",
            "bot123456789:AAE-x_y",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
            "token=abc",
            "mcp;api_key=abc",
            "c2VjcmV0LXRva2VuLTEyMzQ1Ng%3D%3D",
        ] {
            assert_eq!(
                masked(&format!("https://a.example/v1/{token}/mcp")),
                "https://a.example/v1/********/mcp",
                "{token}"
            );
            assert_eq!(masked(&format!("https://a.example/{token}")), "https://a.example/********", "{token}");
        }
        assert_eq!(masked("https://a.example/token/abc/mcp"), "https://a.example/token/********/mcp");
    }

    #[test]
    fn names_and_numbers_in_a_path_are_shown() {
        for path in [
            "/",
            "/mcp",
            "/mcp/",
            "/v1/mcp",
            "/api/v2/organizations/acme/mcp",
            "/sse",
            "/servers/github-enterprise-cloud/mcp",
            "/mcp/streamable-http",
            "/2025-06-18/mcp",
            "/oauth2/servers/42/mcp",
            "/modelcontextprotocol",
            "/production-eu-west-1/tools",
            "/releases/v1.12.0-beta3-20251104",
            "/key-management/xai-org/asia-east/SK/secret_store",
            "/a//b",
        ] {
            let url = format!("https://a.example{path}");
            assert_eq!(masked(&url), url);
        }
    }

    #[test]
    fn a_query_and_a_password_are_masked_for_everybody() {
        let url: Url = "https://user:pass@a.example/550e8400-e29b-41d4-a716-446655440000?k=1&n=2#f".parse().unwrap();
        let whole = "https://a.example/550e8400-e29b-41d4-a716-446655440000?k=********&n=********";
        assert_eq!(shown(&url, View::Whole).to_string(), whole);
        assert_eq!(shown(&url, View::Masked).to_string(), "https://a.example/********?k=********&n=********");
    }

    #[test]
    fn a_masked_path_comes_back_whole_only_in_its_place() {
        let before: Url = "https://a.example/v1/550e8400-e29b-41d4-a716-446655440000/mcp".parse().unwrap();
        let kept = |url: &str| {
            let mut url: Url = url.parse().unwrap();
            let same = Some(&before).filter(|before| is_same_place(before, &url));
            keep_path(&mut url, same).map(|()| url.to_string()).ok()
        };
        assert_eq!(kept("https://a.example/v1/********/mcp").as_deref(), Some(before.as_str()));
        assert_eq!(kept("https://a.example/v2").as_deref(), Some("https://a.example/v2"));
        for elsewhere in [
            "https://b.example/v1/********/mcp",
            "https://a.example:8443/v1/********/mcp",
            "http://a.example/v1/********/mcp",
            "https://a.example/v2/********/mcp",
            "https://a.example/v1/********/mcp/more",
            "https://a.example/v1/********/********",
            "https://a.example/********",
            "https://a.example/v1/********/mcp?to=evil",
        ] {
            assert_eq!(kept(elsewhere), None, "{elsewhere}");
        }
        let mut none: Url = "https://a.example/********".parse().unwrap();
        assert!(keep_path(&mut none, None).is_err());
    }
}
