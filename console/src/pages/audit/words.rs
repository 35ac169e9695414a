//! How calls ended and what was recorded of them, in words for people.

use api_types::AuditRecord;
use domain::approval::Answer;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::components::{Shape, Tone};

/// The action of a tool call.
pub(super) const CALL: &str = "tools/call";

/// One outcome.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// The API's word.
    pub word: &'static str,
    /// The word in a row.
    pub label: &'static str,
    /// What it means, as a sentence.
    pub means: &'static str,
    pub tone: Tone,
    pub shape: Shape,
}

/// Every outcome, in the order of the filter.
pub(super) const ENDINGS: [Ending; 9] = [
    Ending { word: "ok", label: "ran", means: "It ran, without an error.", tone: Tone::Ok, shape: Shape::Check },
    Ending {
        word: "error",
        label: "error",
        means: "It ran, and the tool or the server reported an error.",
        tone: Tone::Bad,
        shape: Shape::Warning,
    },
    Ending {
        word: "refused",
        label: "refused",
        means: "A rule or a check refused it. Nothing ran.",
        tone: Tone::Bad,
        shape: Shape::Cross,
    },
    Ending {
        word: "held",
        label: "held",
        means: "It needs approval. Nothing runs before someone approves it.",
        tone: Tone::Warn,
        shape: Shape::Pause,
    },
    Ending {
        word: "rejected",
        label: "rejected",
        means: "Someone rejected it. Nothing ran.",
        tone: Tone::Quiet,
        shape: Shape::Cross,
    },
    Ending {
        word: "replayed",
        label: "replayed",
        means: "The agent got the result of an earlier run again. Nothing ran twice.",
        tone: Tone::Quiet,
        shape: Shape::Change,
    },
    Ending {
        word: "failed",
        label: "not executed",
        means: "The server could not be reached. Nothing ran.",
        tone: Tone::Bad,
        shape: Shape::Warning,
    },
    Ending {
        word: "unknown",
        label: "outcome unknown",
        means: "The connection broke during the call. It may have run.",
        tone: Tone::Bad,
        shape: Shape::Question,
    },
    Ending {
        word: "interrupted",
        label: "no outcome yet",
        means: "It is still running, or Permesso stopped before the outcome was recorded. It may have run.",
        tone: Tone::Warn,
        shape: Shape::Clock,
    },
];

/// The outcome that a status means; `None` for one that only a newer server knows.
pub(super) fn ending(status: &str) -> Option<&'static Ending> {
    ENDINGS.iter().find(|ending| ending.word == status)
}

/// The words of a choice of statuses, such as "Error, not executed".
pub(super) fn statuses(value: &str) -> String {
    let words: Vec<_> = value.split(',').filter_map(ending).map(|ending| ending.label).collect();
    capital(&words.join(", "))
}

/// How a record ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The word in a row.
    pub label: &'static str,
    /// What it means.
    pub means: &'static str,
    pub tone: Tone,
    pub shape: Shape,
}

/// How a record ended; `None` for a status that only a newer server knows.
pub(super) fn outcome(record: &AuditRecord) -> Option<Outcome> {
    let &Ending { label, means, tone, shape, .. } = ending(&record.status)?;
    let (label, means) = match record.answer.as_deref().and_then(|answer| answer.parse().ok()) {
        Some(Answer::ToolError) => ("tool error", "It ran, and the tool reported an error."),
        Some(Answer::ProtocolError) => ("server error", "It ran, and the server answered with an error."),
        // Changes that people make do not run.
        _ if record.status == "ok" && record.action != CALL => ("done", "It was done."),
        _ => (label, means),
    };
    Some(Outcome { label, means, tone, shape })
}

/// Who decided, as far as it says something about the outcome, and what they did. A held call was not decided when its
/// record was written.
pub(super) fn decided(record: &AuditRecord) -> Option<(&'static str, &str)> {
    let email = record.decided_by_email.as_deref()?;
    match record.status.as_str() {
        _ if record.action != CALL => None,
        "rejected" => Some(("Rejected by", email)),
        "ok" | "error" | "replayed" | "failed" | "unknown" | "interrupted" => Some(("Approved by", email)),
        _ => None,
    }
}

/// A short name out of an e-mail, for a row: "Mara" of `mara.k@example.com`.
pub(super) fn short_name(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default();
    capital(local.split(['.', '+', '_', '-']).find(|part| !part.is_empty()).unwrap_or(local))
}

/// With a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// A REST operation as words: "Create api key" of `create_api_key`. MCP methods stay as they are.
pub(super) fn action(name: &str) -> String {
    match name {
        "approve_approval" => "Approved a request".to_owned(),
        "reject_approval" => "Rejected a request".to_owned(),
        _ if name.contains('_') && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            capital(&name.replace('_', " "))
        }
        _ => name.to_owned(),
    }
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

/// The arguments of a recorded call as JSON text, exactly as they came.
pub(super) fn arguments(action: &str, request: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Asked {
        arguments: Box<RawValue>,
    }
    // A request that says the same twice is shown whole.
    let asked: Asked = (action == CALL).then(|| serde_json::from_str(request).ok()).flatten()?;
    Some(asked.arguments.get().to_owned())
}

/// The texts of a tool's result, if they are all that it says.
pub(super) fn texts(action: &str, response: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Result {
        content: Vec<Block>,
        #[serde(rename = "structuredContent")]
        structured: Option<Box<RawValue>>,
    }
    #[derive(Deserialize)]
    struct Block {
        r#type: String,
        text: Option<String>,
    }
    let result: Result = (action == CALL).then(|| serde_json::from_str(response).ok()).flatten()?;
    let blocks = result.content.into_iter().map(|block| block.text.filter(|_| block.r#type == "text"));
    let texts: Vec<String> = blocks.collect::<Option<_>>()?;
    // By MCP's convention the text says what the structured content says. What only looks so would hide that.
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let says = |structured: &RawValue| {
        texts.iter().any(|text| value(text).is_some_and(|text| Some(text) == value(structured.get())))
    };
    let says_it_all = result.structured.as_deref().is_none_or(says);
    (says_it_all && !texts.is_empty()).then_some(texts)
}

/// Whether something was taken out of a body before it was written.
pub(super) fn is_redacted(body: &str) -> bool {
    body.contains("[redacted")
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
