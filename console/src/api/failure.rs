//! What can go wrong between the console and the server, in words for people.

use api_types::Problem;
use gloo_net::http::Response;

/// Why something could not be read or done.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The server did not answer, or what answered was not the server.
    Unreachable,
    /// Nobody is signed in, or the credential was wrong.
    SignedOut(Box<Problem>),
    /// The server says what is wrong.
    Problem(Box<Problem>),
    /// The server answered something that this console does not understand: one of them is older.
    Unreadable(String),
}

impl Failure {
    pub(super) async fn read(response: Response) -> Self {
        let status = response.status();
        match response.json::<Problem>().await {
            Ok(problem) if status == 401 => Self::SignedOut(Box::new(problem)),
            Ok(problem) => Self::Problem(Box::new(problem)),
            // A proxy in between, or a server that is just going away.
            Err(_) => Self::Unreachable,
        }
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
            Self::SignedOut(problem) | Self::Problem(problem) => Some(problem),
            Self::Unreachable | Self::Unreadable(_) => None,
        }
    }

    /// What failed, as a sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Unreachable => "Permesso cannot be reached right now.".to_owned(),
            Self::Unreadable(_) => {
                "The answer cannot be read: this page is of another version than the server.".to_owned()
            }
            Self::SignedOut(problem) | Self::Problem(problem) => sentence(&problem.detail),
        }
    }

    /// What to try.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreachable => "Check the network; this page goes on by itself once it is back.",
            Self::Unreadable(_) => "Reload the page.",
            Self::SignedOut(_) => "",
            Self::Problem(problem) => match problem.status {
                403 => "Ask an administrator of this org for the right, or switch to another org.",
                404 => "It may have been removed, or belong to another org. Check the address.",
                429 | 503 => "Wait a moment, then try again.",
                500.. => "Try again; if it stays, tell your operator the request id.",
                _ => "Reload to see how things stand now.",
            },
        }
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

/// The API's details begin small and end without a stop, to be joined; here they stand alone.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_detail_becomes_a_sentence() {
        assert_eq!(sentence("the reason is empty"), "The reason is empty.");
        assert_eq!(sentence("Done!"), "Done!");
        assert_eq!(sentence("ärger"), "Ärger.");
    }
}
