//! Serves the console's files. Its page is served at every address that a browser requests as a page, so that reloading
//! and sharing links work; the names of all other files depend on their content.

use std::borrow::Cow;

use axum::{
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::error::Error;

/// Finds a file of the console by its path, such as `assets/console-0123.js`.
pub type FindFile = fn(&str) -> Option<Cow<'static, [u8]>>;

/// The console's files; [`Default`] has none.
#[derive(Clone, Copy, Default)]
pub struct Console(Option<FindFile>);

/// Nothing is loaded from other sites, no inline scripts, no framing. `wasm-unsafe-eval` allows WebAssembly and nothing
/// else.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; font-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Compressed copies exist beside each file, best first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

const NOT_BUILT: &str = "Permesso: the door between AI agents and an organization's tools.\n\n\
     This program was built without its console (`./just up` builds it).\n\
     Agents speak MCP to /{org}/{toolkit}/mcp with `Authorization: Bearer mmcp_…`.\n\
     People decide with `permesso approvals list`, or over /api/v1, described at /api/docs.\n";

impl Console {
    /// A console with these files.
    pub fn new(find: FindFile) -> Self {
        Self(Some(find))
    }

    /// The answer, if the request is for the console: one of its files, or its page.
    pub(super) fn answer(self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        if path.starts_with("/assets/") {
            return Some(self.asset(path, headers));
        }
        let is_page = path == "/" || !path.starts_with("/api/") && accepts(headers, header::ACCEPT, "text/html");
        is_page.then(|| self.page(headers))
    }

    fn asset(self, path: &str, headers: &HeaderMap) -> Response {
        let Some(mut response) = self.file(path.trim_start_matches('/'), headers) else {
            return Error::not_found().into_response();
        };
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        response.headers_mut().insert(header::CACHE_CONTROL, forever);
        response
    }

    fn page(self, headers: &HeaderMap) -> Response {
        let Some(mut response) = self.file("index.html", headers) else { return NOT_BUILT.into_response() };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    fn file(self, path: &str, headers: &HeaderMap) -> Option<Response> {
        let find = self.0?;
        let compressed = ENCODINGS.iter().find_map(|(name, suffix)| {
            let wanted = accepts(headers, header::ACCEPT_ENCODING, name);
            wanted.then(|| find(&format!("{path}{suffix}"))).flatten().map(|bytes| (bytes, *name))
        });
        let (bytes, encoding) = match compressed {
            Some((bytes, name)) => (bytes, Some(name)),
            None => (find(path)?, None),
        };
        let mut response = (StatusCode::OK, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
        headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
        if let Some(name) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        Some(response)
    }
}

/// Whether a header with preferences names the word, with a weight other than 0.
pub(super) fn accepts(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(word));
        named && !parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0)))
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str) -> Option<Cow<'static, [u8]>> {
        let text = match path {
            "index.html" => "page",
            "assets/console-1.js" => "script",
            "assets/console-1.js.br" => "small",
            "assets/fonts-1/onest.woff2" => "typeface",
            _ => return None,
        };
        Some(Cow::Borrowed(text.as_bytes()))
    }

    fn get(path: &str, headers: &[(header::HeaderName, &'static str)]) -> Option<Response> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        Console::new(found).answer(&Method::GET, path, &headers)
    }

    #[test]
    fn a_file_is_kept_for_ever_and_sent_small_to_who_can_read_it() {
        let encoding = |value| {
            let response = get("/assets/console-1.js", &[(header::ACCEPT_ENCODING, value)]).expect("an answer");
            assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
            assert_eq!(response.headers()["content-type"], "text/javascript; charset=utf-8");
            response.headers().get("content-encoding").map(|value| value.to_str().expect("a word").to_owned())
        };
        assert_eq!(encoding("gzip, deflate, br;q=0.9").as_deref(), Some("br"));
        assert_eq!(encoding("br;q=0, gzip"), None);
        assert_eq!(encoding("identity"), None);
    }

    #[test]
    fn a_typeface_is_sent_as_it_is() {
        let response = get("/assets/fonts-1/onest.woff2", &[(header::ACCEPT_ENCODING, "br")]).expect("an answer");
        assert_eq!(response.headers()["content-type"], "font/woff2");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
        assert!(!response.headers().contains_key("content-encoding"));
    }

    #[test]
    fn a_page_is_asked_again_each_time_and_may_load_nothing_from_elsewhere() {
        for path in ["/", "/acme/inbox", "/acme/approvals/1"] {
            let response =
                get(path, &[(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")]).expect("the page");
            assert_eq!(response.headers()["cache-control"], "no-cache");
            let policy = response.headers()["content-security-policy"].to_str().expect("a policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
            assert!(policy.contains("; font-src 'self';"), "{policy}");
        }
    }

    #[test]
    fn programs_and_the_api_do_not_get_the_page() {
        let html = [(header::ACCEPT, "text/html")];
        assert!(get("/api/v1/nothing", &html).is_none());
        assert!(get("/acme/inbox", &[(header::ACCEPT, "*/*")]).is_none());
        assert!(get("/acme/inbox", &[]).is_none());
        let post = Console::new(found).answer(&Method::POST, "/acme/inbox", &HeaderMap::new());
        assert!(post.is_none());
    }

    #[test]
    fn a_file_that_is_not_there_is_not_the_page() {
        let missing = get("/assets/console-2.js", &[(header::ACCEPT, "text/html")]).expect("an answer");
        assert!(missing.extensions().get::<std::sync::Arc<Error>>().is_some());
    }
}
