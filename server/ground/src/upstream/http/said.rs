//! Describes an upstream's HTTP response that is not MCP, so that a reader can tell a proxy's login page from a crash.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, StatusCode};
use reqwest::Response;
use url::Url;

use super::super::status::Observer;

/// How many characters of a body are quoted in a reason, and in the connection's log and last error.
const IN_REASON: usize = 200;
const IN_LOG: usize = 500;
/// How many bytes of a body are read for that, and the timeout.
const LOOKED_AT: usize = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);

/// A response that was no answer.
pub(super) struct Said {
    pub(super) status: StatusCode,
    content_type: String,
    encoding: String,
    location: Option<String>,
    /// Why a body that should be MCP is not.
    why: Option<String>,
    /// The beginning of its body, not yet fit to be shown.
    pub(super) text: String,
}

impl Said {
    /// What the head of a response says.
    pub(super) fn head(url: &Url, response: &Response) -> Self {
        let headers = response.headers();
        let location = response.status().is_redirection().then(|| header(headers, &LOCATION));
        Self {
            status: response.status(),
            content_type: header(headers, &CONTENT_TYPE),
            encoding: header(headers, &CONTENT_ENCODING),
            location: location.and_then(|to| place(url, &to)),
            why: None,
            text: String::new(),
        }
    }

    /// The same, with the reason why its body cannot be read.
    pub(super) fn because(mut self, why: String) -> Self {
        self.why = Some(why);
        self
    }

    /// The same, with a body that was read.
    pub(super) fn with(mut self, body: &[u8]) -> Self {
        self.text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]).into_owned();
        self
    }

    /// The same, with the beginning of a body that is still unread, as far as it arrives in time.
    pub(super) async fn read(self, mut response: Response) -> Self {
        let mut body = Vec::new();
        let reading = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                body.extend_from_slice(&chunk[..chunk.len().min(LOOKED_AT - body.len())]);
                if body.len() == LOOKED_AT {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, reading).await;
        self.with(&body)
    }

    /// Why there is no answer to `step`, in one line without secrets. The connection's log and last error get more
    /// details.
    pub(super) fn reason(&self, step: &str, observer: &Observer) -> String {
        let shown = |most: usize| {
            let clean = observer.secrets.redacted(&self.text, LOOKED_AT);
            let words = clean.split(|character: char| character.is_whitespace() || character.is_control());
            let text = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
            let cut: String = text.chars().take(most).collect();
            let body = if cut.is_empty() { cut } else { format!(": {cut}") };
            format!("the upstream answered {step} with {}{body}", self.facts())
        };
        let (reason, more) = (shown(IN_REASON), shown(IN_LOG));
        observer.log(&more);
        observer.explain(&reason, more);
        reason
    }

    fn facts(&self) -> String {
        let code = self.status.as_u16();
        let kind = match self.content_type.as_str() {
            "" => "no content type".to_owned(),
            kind => kind.to_owned(),
        };
        let encoded = match self.encoding.as_str() {
            "" | "identity" => String::new(),
            encoding => format!(", encoded as {encoding}, which was not asked for"),
        };
        let why = self.why.as_ref().map(|why| format!(", because {why}")).unwrap_or_default();
        match &self.location {
            Some(to) => format!("HTTP {code}, a redirection to {to}, which is not followed"),
            None if self.status.is_redirection() => format!("HTTP {code}, a redirection, which is not followed"),
            None if self.status.is_success() => format!("HTTP {code} without an MCP message ({kind}{encoded}){why}"),
            None => format!("HTTP {code} ({kind}{encoded})"),
        }
    }
}

/// A header's value, as far as it is plain.
fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = value.chars().filter(|character| !character.is_control());
    plain.take(IN_REASON).collect::<String>().trim().to_owned()
}

/// The target of a redirection, without possible secrets.
fn place(url: &Url, to: &str) -> Option<String> {
    let mut place = url.join(to).ok()?;
    let _ = place.set_username("").and_then(|()| place.set_password(None));
    place.set_query(place.query().map(|_| "…"));
    place.set_fragment(None);
    Some(place.to_string().replace("?%E2%80%A6", "?…"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]
    use super::*;

    fn said(status: u16, content_type: &str, text: &str) -> Said {
        Said {
            status: StatusCode::from_u16(status).unwrap(),
            content_type: content_type.to_owned(),
            encoding: String::new(),
            location: None,
            why: None,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_reason_names_the_step_the_status_the_kind_and_the_beginning_without_secrets() {
        let observer = Observer::of_nothing();
        let page = format!("<h1>\u{1b}[31mBad\n\tgateway</h1> for hunter2 {}", "x".repeat(10_000));
        let reason = said(502, "text/html", &page).reason("tools/call", &observer);
        let begins =
            "the upstream answered tools/call with HTTP 502 (text/html): <h1> [31mBad gateway</h1> for [redacted] xxx";
        assert!(reason.starts_with(begins), "{reason}");
        assert!(reason.chars().count() < 280, "{reason}");
        assert!(observer.log.lines(false)[0].len() > 500);
        observer.unanswered(&reason);
        let status = observer.status();
        assert!(status.last_error.as_deref().unwrap().len() > 500, "{status:?}");
        let empty = said(200, "", "").reason("initialize", &observer);
        assert_eq!(empty, "the upstream answered initialize with HTTP 200 without an MCP message (no content type)");
    }

    #[test]
    fn a_redirection_says_where_it_points_and_no_secret_of_its_address() {
        let url: Url = "https://a.example/mcp".parse().unwrap();
        assert_eq!(place(&url, "/login?next=1#x").unwrap(), "https://a.example/login?…");
        assert_eq!(place(&url, "https://u:p@b.example/").unwrap(), "https://b.example/");
        assert_eq!(place(&url, "http://["), None);
    }
}
