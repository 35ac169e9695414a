//! Counts every call that goes to an upstream, whoever makes it, by outcome and duration.

use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wire::mcp::{is_error, result::result_type};

use super::error::UpstreamError;
use super::message::Answer;
use crate::metrics;

/// A call under way. It is counted when this is dropped: once, also where the call was given up.
pub(super) struct Counted<'a> {
    approved: bool,
    began: Instant,
    cancel: &'a CancellationToken,
    outcome: &'static str,
}

impl<'a> Counted<'a> {
    /// A call that begins now, and that `cancel` gives up.
    pub(super) fn begin(approved: bool, cancel: &'a CancellationToken) -> Self {
        Self { approved, began: Instant::now(), cancel, outcome: "cancelled" }
    }

    /// Notes how it ended.
    pub(super) fn ended(&mut self, outcome: Result<&Answer, &UpstreamError>) {
        self.outcome = match outcome {
            Ok(Answer::Result(result)) => match result_type(result).as_deref() {
                None | Some("complete") if is_error(result) => "tool_error",
                None | Some("complete") => "result",
                Some("task") => "task",
                Some("input_required") => "input_required",
                Some(_) => "unknown",
            },
            Ok(Answer::Error(_)) => "protocol_error",
            Err(_) if self.cancel.is_cancelled() => "cancelled",
            Err(UpstreamError::NotSent { .. }) => "not_sent",
            Err(UpstreamError::Unknown { .. }) => "unknown",
        };
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        metrics::upstream_called(self.approved, self.outcome, self.began.elapsed());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::value::RawValue;

    use super::*;

    fn result(json: &str) -> Result<Answer, UpstreamError> {
        Ok(Answer::Result(RawValue::from_string(json.to_owned()).unwrap()))
    }

    #[test]
    fn every_call_is_counted_once_by_what_became_of_it() {
        let not_sent = || Err(UpstreamError::NotSent { reason: "refused".to_owned() });
        let unknown = || Err(UpstreamError::Unknown { reason: "no answer".to_owned() });
        let error = Ok(Answer::Error(RawValue::from_string(r#"{"code":-32000,"message":"no"}"#.to_owned()).unwrap()));
        for (outcome, is_cancelled, counted) in [
            (Some(result(r#"{"content":[]}"#)), false, "result"),
            (Some(result(r#"{"content":[],"resultType":"complete"}"#)), true, "result"),
            (Some(result(r#"{"content":[],"isError":true}"#)), false, "tool_error"),
            (Some(error), false, "protocol_error"),
            (Some(result(r#"{"resultType":"task"}"#)), false, "task"),
            (Some(result(r#"{"resultType":"input_required"}"#)), false, "input_required"),
            (Some(result(r#"{"resultType":"what the upstream likes"}"#)), false, "unknown"),
            (Some(not_sent()), false, "not_sent"),
            (Some(not_sent()), true, "cancelled"),
            (Some(unknown()), false, "unknown"),
            (Some(unknown()), true, "cancelled"),
            (None, false, "cancelled"),
        ] {
            let recorder = metrics::recorder().unwrap();
            let cancel = CancellationToken::new();
            ::metrics::with_local_recorder(&recorder, || {
                let mut call = Counted::begin(true, &cancel);
                if is_cancelled {
                    cancel.cancel();
                }
                if let Some(outcome) = &outcome {
                    call.ended(outcome.as_ref());
                }
            });
            let figures = recorder.handle().render();
            let calls = |line: &&str| line.starts_with("permesso_upstream_calls_total{") && !line.ends_with(" 0");
            let calls: Vec<_> = figures.lines().filter(calls).collect();
            let wanted = format!("permesso_upstream_calls_total{{approved=\"true\",outcome=\"{counted}\"}} 1");
            assert_eq!(calls, [wanted], "{outcome:?}");
        }
    }
}
