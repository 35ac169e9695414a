//! What can go wrong between the console and the server, in words for people.

use api_types::Problem;
use chrono::DateTime;
use gloo_net::http::Response;

/// Why something could not be read or done.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server did not answer, or what answered was not the server.
    Unreachable,
    /// What answered was not the server but something before it, which says after how many seconds to come back.
    Busy(u32),
    /// Nobody is signed in, or the credential was wrong.
    SignedOut(Box<Problem>),
    /// The server says what is wrong, and sometimes after how many seconds to come back (`Retry-After`).
    Problem(Box<Problem>, Option<u32>),
    /// The server answered something that this console does not understand: one of them is older.
    Unreadable(String),
}

impl Failure {
    pub(super) async fn read(response: Response) -> Self {
        let status = response.status();
        let retry_after =
            response.headers().get("retry-after").and_then(|words| seconds_of(&words, js_sys::Date::now()));
        match (response.json::<Problem>().await, retry_after) {
            (Ok(problem), _) if status == 401 => Self::SignedOut(Box::new(problem)),
            (Ok(problem), retry_after) => Self::Problem(Box::new(problem), retry_after),
            // A proxy in between, or a server that is just going away.
            (Err(_), Some(seconds)) => Self::Busy(seconds),
            (Err(_), None) => Self::Unreachable,
        }
    }

    /// Whether the same may go well later. What the server has answered once it would answer again, unless it was
    /// too busy (429), too slow (408, 425) or broken (5xx).
    pub fn is_passing(&self) -> bool {
        match self {
            Self::SignedOut(_) => false,
            Self::Problem(problem, _) => matches!(problem.status, 408 | 425 | 429 | 500..),
            // A server of another version beside this one, or an answer that was cut off.
            Self::Unreachable | Self::Busy(_) | Self::Unreadable(_) => true,
        }
    }

    /// After how many seconds the server wants to be asked again.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy(seconds) => Some(*seconds),
            Self::Problem(_, seconds) => *seconds,
            Self::Unreachable | Self::SignedOut(_) | Self::Unreadable(_) => None,
        }
    }

    /// Whether a person would read the same, but for the request's id.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |failure: &Self| (failure.message(), failure.problem().map(|problem| problem.status));
        said(self) == said(other)
    }

    pub(super) fn unreadable(error: &impl ToString) -> Self {
        Self::Unreadable(error.to_string())
    }

    /// The stable code, where the server gave one.
    pub fn code(&self) -> Option<&str> {
        self.problem().map(|problem| problem.code.as_str())
    }

    /// What the server said, where it said something.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::SignedOut(problem) | Self::Problem(problem, _) => Some(problem),
            Self::Unreachable | Self::Busy(_) | Self::Unreadable(_) => None,
        }
    }

    /// What failed, as a sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Unreachable | Self::Busy(_) => "Permesso cannot be reached right now.".to_owned(),
            Self::Unreadable(_) => {
                "The answer cannot be read: this page is of another version than the server.".to_owned()
            }
            Self::SignedOut(problem) | Self::Problem(problem, _) => sentence(&problem.detail),
        }
    }

    /// What to try.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable | Self::Busy(_) => "Check the network, then try again.",
            Self::Unreadable(_) => "Reload the page.",
            Self::SignedOut(_) => "",
            Self::Problem(problem, _) => match problem.status {
                403 => "Ask an administrator of this org for the right, or switch to another org.",
                404 => "It may have been removed, or belong to another org. Check the address.",
                429 | 503 => "Wait a moment, then try again.",
                500.. => "Try again; if it stays, tell your operator the request id.",
                _ => "Reload to see how things stand now.",
            },
        }
    }

    /// What to try, while the same is tried again by itself; `None` where it is not.
    pub fn advice_meanwhile(&self) -> Option<&'static str> {
        self.is_passing().then(|| match self {
            Self::Unreachable | Self::Busy(_) => "This is tried again by itself. Check the network if it stays.",
            Self::Unreadable(_) => "Reload the page; until then this is tried again by itself.",
            _ if self.problem().is_some_and(|problem| matches!(problem.status, 500..=502 | 504..)) => {
                "This is tried again by itself; if it stays, tell your operator the request id."
            }
            _ => "This is tried again by itself.",
        })
    }

    /// Whether it is said at one of these fields of a form, and need not be said again beside it.
    pub fn is_at(&self, fields: &[&str]) -> bool {
        fields.iter().any(|name| self.field(name).is_some())
    }

    /// The message for one field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        let problem = self.problem()?;
        problem.errors.iter().find(|error| error.field == name).map(|error| error.message.clone())
    }
}

/// What `Retry-After` says in seconds: it has a number of them, or a date (RFC 9110, section 10.2.3). `now`: milliseconds
/// since 1970.
fn seconds_of(words: &str, now: f64) -> Option<u32> {
    let words = words.trim();
    let until = || DateTime::parse_from_rfc2822(words).ok().map(|date| date.timestamp_millis() as f64);
    // A date that is over is no wait; a conversion to an unsigned number stops at nought.
    words.parse().ok().or_else(|| until().map(|until| ((until - now) / 1_000.0).ceil() as u32))
}

/// The API's details begin small and end without a stop, to be joined; here they stand alone.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_ascii_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::{seconds_of, sentence};

    #[test]
    fn a_server_says_when_to_come_back_in_seconds_or_by_a_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        let then = 784_111_777_000.0;
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(seconds_of(" 120 ", then), Some(120));
        assert_eq!(seconds_of(date, then - 90_500.0), Some(91));
        assert_eq!(seconds_of(date, then + 1.0), Some(0), "it is over");
        for neither in ["", "soon", "-1", "1.5", "Sun, 06 Nov"] {
            assert_eq!(seconds_of(neither, then), None, "{neither}");
        }
    }

    #[test]
    fn a_detail_becomes_a_sentence() {
        assert_eq!(sentence("the reason is empty"), "The reason is empty.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence("ärger"), "ärger.", "ours begin with plain letters");
    }
}
