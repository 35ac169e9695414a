//! How calls ended and what was recorded of them, in words for people.

use domain::approval::Answer;
use serde_json::Value;

use crate::components::{Shape, Tone};

/// One way to end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// The API's word.
    pub word: &'static str,
    /// The words of its badge.
    pub label: &'static str,
    /// What it means, as a sentence.
    pub means: &'static str,
    pub tone: Tone,
    pub shape: Shape,
}

/// Every way to end, in the order they are offered.
pub(super) const ENDINGS: [Ending; 9] = [
    Ending { word: "ok", label: "ok", means: "It was done as asked.", tone: Tone::Ok, shape: Shape::Check },
    Ending {
        word: "error",
        label: "ran, with an error",
        means: "It ran, and the tool reported an error, or the upstream answered with one.",
        tone: Tone::Warn,
        shape: Shape::Warning,
    },
    Ending {
        word: "refused",
        label: "refused",
        means: "A rule or a check said no. Nothing ran.",
        tone: Tone::Bad,
        shape: Shape::Cross,
    },
    Ending {
        word: "held",
        label: "held",
        means: "It needs approval. Nothing ran before a person decided.",
        tone: Tone::Warn,
        shape: Shape::Pause,
    },
    Ending {
        word: "rejected",
        label: "rejected",
        means: "A person said no. Nothing ran.",
        tone: Tone::Bad,
        shape: Shape::Cross,
    },
    Ending {
        word: "replayed",
        label: "replayed",
        means: "The result of an earlier run was given again. Nothing ran twice.",
        tone: Tone::Quiet,
        shape: Shape::Change,
    },
    Ending {
        word: "failed",
        label: "failed",
        means: "The upstream could not be reached. Nothing ran.",
        tone: Tone::Bad,
        shape: Shape::Warning,
    },
    Ending {
        word: "unknown",
        label: "may have run",
        means: "Contact was lost on the way. It may have run, or not.",
        tone: Tone::Bad,
        shape: Shape::Question,
    },
    Ending {
        word: "interrupted",
        label: "no outcome",
        means: "It is still under way, or the gateway stopped before it could write how it ended. It may have run.",
        tone: Tone::Warn,
        shape: Shape::Clock,
    },
];

/// The words of its badge and what it means, where it is known how the upstream answered a call.
pub(super) fn said(ending: &'static Ending, answer: Option<&str>) -> (&'static str, &'static str) {
    match answer.and_then(|answer| answer.parse().ok()) {
        Some(answer @ Answer::ToolError) => (answer.outcome(), "It ran, and the tool reported an error."),
        Some(answer @ Answer::ProtocolError) => (answer.outcome(), "It ran, and the upstream answered with an error."),
        _ => (ending.label, ending.means),
    }
}

/// What the status means; `None` for one that only a newer server knows.
pub(super) fn ending(status: &str) -> Option<&'static Ending> {
    ENDINGS.iter().find(|ending| ending.word == status)
}

/// What stands in the record of a list instead of the list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digest {
    pub tools: u64,
    pub sha256: String,
}

/// Reads a recorded response as the digest of a list, if it is one: `{"tools": 4, "sha256": "…"}`.
pub(super) fn digest(action: &str, response: &str) -> Option<Digest> {
    if !action.ends_with("/list") {
        return None;
    }
    let Value::Object(members) = serde_json::from_str(response).ok()? else { return None };
    let tools = members.get("tools")?.as_u64()?;
    let sha256 = members.get("sha256")?.as_str()?.to_owned();
    (members.len() == 2).then_some(Digest { tools, sha256 })
}

/// Whether something was taken out of a body before it was written.
pub(super) fn is_redacted(body: &str) -> bool {
    body.contains("[redacted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_server_has_words_for_people() {
        // `db::audit::Status`, and the word for an intent without outcome.
        for word in ["ok", "error", "refused", "held", "rejected", "replayed", "failed", "unknown", "interrupted"] {
            assert!(ending(word).is_some_and(|ending| ending.means.ends_with('.')), "{word}");
        }
        assert_eq!(ending("postponed"), None);
    }

    #[test]
    fn what_may_have_run_is_never_shown_as_harmless() {
        for ending in ENDINGS.iter().filter(|ending| ending.means.contains("may have run")) {
            assert!(matches!(ending.tone, Tone::Warn | Tone::Bad), "{}", ending.word);
        }
    }

    #[test]
    fn an_error_is_the_tools_or_the_upstreams() {
        let error = ending("error").expect("an ending");
        assert_eq!(said(error, Some("tool_error")).0, "ran, the tool reported an error");
        assert_eq!(said(error, Some("protocol_error")).0, "ran, the upstream answered with an error");
        assert_eq!(said(error, None).0, "ran, with an error");
        assert_eq!(error.tone, Tone::Warn);
    }

    #[test]
    fn only_the_digest_of_a_list_is_read_as_one() {
        let text = r#"{"tools":4,"sha256":"ab12"}"#;
        assert_eq!(digest("tools/list", text), Some(Digest { tools: 4, sha256: "ab12".to_owned() }));
        assert_eq!(digest("tools/call", text), None);
        assert_eq!(digest("tools/list", r#"{"tools":4,"sha256":"ab12","error":1}"#), None);
        assert_eq!(digest("tools/list", "no JSON"), None);
    }
}
