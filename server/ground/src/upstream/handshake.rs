//! `initialize` for every transport: the request, and how the upstream's answer is read.

use serde_json::value::RawValue;
use wire::envelope;
use wire::mcp::{InitializeResult, Revision};

use super::error::Failure;
use super::message::{Answer, raw};
use super::status::Observer;

/// How many bytes of an upstream's own words are quoted in a connection's last error.
const REPEATED: usize = 500;

/// The parameters of our `initialize`, which requests this revision.
pub(super) fn initialize_params(revision: Revision) -> Box<RawValue> {
    raw(&serde_json::json!({
        "protocolVersion": revision.as_str(),
        "capabilities": {},
        "clientInfo": {"name": "permesso", "version": env!("CARGO_PKG_VERSION")},
    }))
}

/// The revision to request next, if an upstream refused our newest one. It should have answered with one of its own
/// (MCP lifecycle, "Version Negotiation"); some upstreams name theirs in the error, others name none.
pub(super) fn another_revision(answered: Result<&Answer, &Failure>) -> Option<Revision> {
    let said = match answered {
        Ok(Answer::Error(error)) => error.get(),
        Err(Failure::Unknown(reason)) => reason,
        _ => return None,
    };
    let lower = said.to_ascii_lowercase();
    if !lower.contains("protocol") || !lower.contains("version") {
        return None;
    }
    let others = Revision::ALL.into_iter().filter(|revision| *revision < Revision::LATEST_LEGACY);
    Some(others.filter(|revision| said.contains(revision.as_str())).max().unwrap_or(Revision::V2024_11_05))
}

/// The revision that an upstream agreed to. `Err` says why there is no session.
pub(super) fn agreed_revision(answer: &Answer, observer: &Observer) -> Result<Revision, String> {
    let said = match answer {
        Answer::Result(result) => result,
        Answer::Error(error) => {
            // An upstream's own words may repeat what it was sent, credentials included: they are for its
            // administrators.
            observer.log(&format!("initialize was refused: {error}"));
            let reason = "the upstream refused to initialize; its log says why".to_owned();
            let words = observer.secrets.redacted(&words(error), REPEATED).replace(char::is_control, " ");
            observer.explain(&reason, format!("the upstream refused to initialize: {words}"));
            return Err(reason);
        }
    };
    let result = InitializeResult::parse(said)
        .map_err(|error| format!("the upstream's answer to initialize is not MCP: {error}"))?;
    observer.instructed(said);
    let agreed = Revision::of_upstream(&result.protocol_version).filter(|revision| !revision.is_modern());
    agreed.ok_or_else(|| {
        let version: String = result
            .protocol_version
            .chars()
            .filter(|character| character.is_ascii_alphanumeric() || "-.".contains(*character))
            .take(20)
            .collect();
        format!("the upstream speaks MCP revision {version}, which is not supported")
    })
}

/// An error's message, as plain text.
pub(super) fn words(error: &RawValue) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    serde_json::from_str::<Said>(error.get()).map_or_else(|_| error.get().to_owned(), |said| said.message)
}

/// `notifications/initialized`, which ends the handshake.
pub(super) fn initialized() -> Vec<u8> {
    envelope::notification_bytes("notifications/initialized", None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics fails")]
    use super::*;

    fn refused(error: &str) -> Answer {
        Answer::Error(RawValue::from_string(error.to_owned()).unwrap())
    }

    #[test]
    fn who_refuses_our_revision_is_asked_in_the_newest_that_it_names() {
        for (said, revision) in [
            ("Unsupported protocol version: 2025-11-25. Supported: 2024-11-05", Some(Revision::V2024_11_05)),
            ("Unsupported protocol version (supported versions: 2025-06-18, 2025-03-26)", Some(Revision::V2025_06_18)),
            ("unknown protocolVersion 2025-11-25, use 2026-07-28", Some(Revision::V2024_11_05)),
            ("clientInfo.version is missing", None),
            ("not today: 2025-06-18", None),
        ] {
            let error = refused(&format!(r#"{{"code":-32602,"message":"{said}"}}"#));
            assert_eq!(another_revision(Ok(&error)), revision, "{said}");
            assert_eq!(another_revision(Err(&Failure::unknown(format!("HTTP 400: {said}")))), revision, "{said}");
        }
        let data =
            refused(r#"{"code":-1,"message":"Unsupported protocol version","data":{"supported":["2025-03-26"]}}"#);
        assert_eq!(another_revision(Ok(&data)), Some(Revision::V2025_03_26));
        let reason = "the protocol version 2025-06-18".to_owned();
        assert_eq!(another_revision(Err(&Failure::NotSent(reason))), None, "it was not asked");
    }

    #[test]
    fn a_refusal_is_the_last_error_in_the_upstreams_words_without_secrets() {
        let observer = Observer::of_nothing();
        let refusal = refused(r#"{"code":-32602,"message":"no licence for\nhunter2"}"#);
        let reason = agreed_revision(&refusal, &observer).unwrap_err();
        assert_eq!(reason, "the upstream refused to initialize; its log says why");
        observer.failed(&reason);
        let last = observer.status().last_error.unwrap();
        assert_eq!(last, "the upstream refused to initialize: no licence for [redacted]");
    }

    #[test]
    fn what_cannot_be_read_of_an_answer_is_named() {
        let agreed = |json: &str| {
            let result = Answer::Result(RawValue::from_string(json.to_owned()).unwrap());
            agreed_revision(&result, &Observer::of_nothing())
        };
        assert_eq!(agreed(r#"{"protocolVersion":"2024-10-07"}"#), Ok(Revision::V2024_11_05), "a draft of it");
        assert_eq!(agreed(r#"{"protocolVersion":"2025-06-18","capabilities":[]}"#), Ok(Revision::V2025_06_18));
        let reason = agreed("{}").unwrap_err();
        assert_eq!(reason, "the upstream's answer to initialize is not MCP: result.protocolVersion is missing");
    }
}
