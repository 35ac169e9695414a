//! The states of a request in words: for badges, for the line under a title, for tables.

use api_types::{Approval, ApprovalDetail, ToolHints};
use chrono::{DateTime, TimeDelta, Utc};
use domain::approval::Answer;

use crate::{
    components::{Shape, Tone},
    show::words::Words,
};

/// How long after its end an expired request can still be approved (approvals.md, "States").
const LATE: TimeDelta = TimeDelta::days(7);

/// A state for a badge: tone, icon, words. `answer` is how the upstream answered, of a call that ran.
pub fn badge(status: &str, answer: Option<&str>) -> (Tone, Shape, &'static str) {
    match status {
        "pending" => (Tone::Quiet, Shape::Pause, "waiting"),
        "approved" => (Tone::Ok, Shape::Check, "approved"),
        "rejected" => (Tone::Bad, Shape::Cross, "rejected"),
        "expired" => (Tone::Quiet, Shape::Clock, "expired"),
        "withdrawn" => (Tone::Quiet, Shape::Back, "withdrawn"),
        "invalidated" => (Tone::Quiet, Shape::Change, "no longer valid"),
        "executing" => (Tone::Ok, Shape::Clock, "running"),
        "executed" => match told(answer) {
            Some(answer) if answer.is_error() => (Tone::Warn, Shape::Warning, answer.outcome()),
            _ => (Tone::Ok, Shape::Check, Answer::Result.outcome()),
        },
        "outcome_unknown" => (Tone::Warn, Shape::Question, "outcome unknown"),
        "not_executed" => (Tone::Quiet, Shape::Cross, "did not run"),
        // A newer server may know more.
        _ => (Tone::Quiet, Shape::Question, "another state"),
    }
}

/// How the upstream answered, where it is known.
fn told(answer: Option<&str>) -> Option<Answer> {
    answer.and_then(|answer| answer.parse().ok())
}

/// The words of a state in a history: "opened", "approved".
pub fn event(from: Option<&str>, to: &str, is_first: bool, answer: Option<&str>) -> &'static str {
    match to {
        // What joins the history without changing the state says for itself what it is.
        _ if from == Some(to) => "noted",
        "pending" if is_first => "asked",
        "pending" => "waiting again",
        "executing" => "started",
        other => badge(other, answer).2,
    }
}

/// Why a request was held, as a sentence: the rule in the gate's words (`domain::gate::Rule`) says only what is
/// set where.
pub fn why(rule: &str, tool: &str, toolkit: &str) -> Words {
    if rule == "toolkit default: needs_approval" {
        return Words::of(
            "{} needs approval in the toolkit {}, whoever calls it (no policy of a role says otherwise).",
            &[tool, toolkit],
        );
    }
    match rule.strip_prefix("policy for role ").and_then(|rest| rest.strip_suffix(": needs_approval")) {
        Some(role) => Words::of("the role {} needs approval for {} in the toolkit {}.", &[role, tool, toolkit]),
        None => Words::of("{}.", &[rule.trim_end_matches('.')]),
    }
}

/// Whether a request that nobody decided in time can still be approved.
pub fn may_be_late(approval: &Approval, now: DateTime<Utc>) -> bool {
    approval.status == "expired" && now < approval.expires_at + LATE
}

/// What became of a request, and what follows: the sentence under the title of one that does not wait.
pub fn became(approval: &Approval, now: DateTime<Utc>) -> Option<Words> {
    let by = approval.decided_by_email.as_deref().unwrap_or("somebody who is gone");
    let said = approval.decision_reason.as_deref().map(|reason| Words::of(" (“{}”)", &[reason])).unwrap_or_default();
    let approved = || Words::of("Approved by {}", &[by]).and(said.clone());
    Some(match approval.status.as_str() {
        "pending" => return None,
        "approved" => approved().and(". It runs once the agent comes back for it."),
        "rejected" => Words::of("Rejected by {}", &[by])
            .and(said)
            .and(". The agent reads the reason word for word when it asks again."),
        "expired" if may_be_late(approval, now) => {
            "Nobody decided in time. It can still be approved: then the agent may run it.".into()
        }
        "expired" => "Nobody decided in time, or it was approved and not used. The agent may ask again.".into(),
        "withdrawn" => match &approval.taken_back_reason {
            Some(reason) => {
                let by = approval.taken_back_by_email.as_deref().unwrap_or("somebody who is gone");
                Words::of(
                    "{} took the approval back before it was used (“{}”). The agent reads the reason word for word.",
                    &[by, reason],
                )
            }
            None => "The agent took its request back.".into(),
        },
        "invalidated" => match &approval.changed {
            Some(changed) => Words::of("It cannot run any more: {}. The agent may ask again.", &[changed]),
            None => "Something it is bound to has changed, so it cannot run any more. The agent may ask again.".into(),
        },
        "executing" if approval.asks_input => approved().and(
            ", and sent. It asks the agent's side for input and waits for it; without it nobody will know whether it ran.",
        ),
        "executing" => approved().and(". It is running now."),
        "executed" => approved().and(". It ").and(badge("executed", approval.answer.as_deref()).2).and("."),
        "outcome_unknown" => approved()
            .and(", and sent; but no answer came. It may have run. It is never sent again by itself."),
        "not_executed" => approved().and("; but it did not run, as a person found out."),
        other => Words::of("It is {}.", &[other]),
    })
}

/// What became of a similar request, in a few words.
pub fn outcome(approval: &Approval) -> Words {
    let by = approval.decided_by_email.as_deref().map(|by| Words::of(" by {}", &[by])).unwrap_or_default();
    match approval.status.as_str() {
        "rejected" => match &approval.decision_reason {
            Some(reason) => Words::from("rejected").and(by).and(Words::of(": {}", &[reason])),
            None => Words::from("rejected").and(by),
        },
        "withdrawn" if let Some(reason) = &approval.taken_back_reason => Words::of("taken back: {}", &[reason]),
        "approved" => Words::from("approved").and(by),
        "executing" => Words::from("approved").and(by).and(", running"),
        "executed" => Words::from("approved").and(by).and(", ").and(badge("executed", approval.answer.as_deref()).2),
        other => badge(other, None).2.into(),
    }
}

/// What a result is called, by how the upstream answered.
pub fn result(answer: Option<&str>) -> &'static str {
    match told(answer) {
        Some(Answer::ToolError) => "Result: the tool reported an error",
        Some(Answer::ProtocolError) => "Result: the upstream answered with an error",
        _ => "Result",
    }
}

/// That nobody can decide, or settle, a request that needs it, why, and where that can be changed.
pub fn nobody(detail: &ApprovalDetail) -> Option<(&'static str, String)> {
    let approval = &detail.approval;
    let what = match approval.status.as_str() {
        "pending" => "Nobody can decide this: ",
        "outcome_unknown" => "Nobody can settle this: ",
        "executing" if approval.asks_input => "Nobody can settle this: ",
        _ => return None,
    };
    let nobody = !approval.may_decide && !detail.somebody_may_decide;
    nobody.then(|| (what, detail.who_decides.nobody(&approval.tool, &approval.toolkit)))
}

/// What the upstream claims of its tool: the one that matters by itself, the others together.
pub fn claims(hints: &ToolHints) -> Vec<(Tone, Option<Shape>, String)> {
    let mut quiet = Vec::new();
    match (hints.destructive, hints.read_only) {
        (Some(true), _) => {}
        (_, Some(true)) => quiet.push("changes nothing"),
        (Some(false), _) => quiet.push("not destructive"),
        _ => {}
    }
    if hints.idempotent == Some(true) {
        quiet.push("twice is as once");
    }
    if hints.open_world == Some(true) {
        quiet.push("reaches outside");
    }
    let loud = (hints.destructive == Some(true)).then(|| (Tone::Bad, Some(Shape::Warning), "destructive".to_owned()));
    let quiet = (!quiet.is_empty()).then(|| (Tone::Quiet, None, quiet.join(", ")));
    loud.into_iter().chain(quiet).collect()
}

/// That arguments were not checked against the tool's input schema, or not wholly, and why.
pub fn unchecked(check: &str, note: Option<&str>) -> Option<(&'static str, String)> {
    let why = note.unwrap_or("the gateway does not say why");
    match check {
        "full" => None,
        "partial" => Some(("The arguments were checked in part.", format!("Of the tool's input schema, {why}."))),
        _ => Some(("The arguments were not checked", format!("against the tool's input schema: {why}."))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sample::request;

    #[test]
    fn every_state_has_its_own_words() {
        let words: Vec<_> = domain::approval::Status::ALL.iter().map(|status| badge(status.as_str(), None).2).collect();
        let mut different = words.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), words.len());
        assert!(!words.contains(&"another state"));
        for status in domain::approval::Status::ALL {
            let said = became(&request(1, status.as_str(), 1), DateTime::UNIX_EPOCH);
            assert_eq!(said.is_none(), status == domain::approval::Status::Pending);
        }
    }

    #[test]
    fn a_call_that_ran_into_an_error_never_looks_like_one_that_did_what_was_asked() {
        for answer in Answer::ALL {
            let (tone, shape, words) = badge("executed", Some(answer.as_str()));
            assert_eq!(words, answer.outcome());
            assert_eq!((tone == Tone::Ok, shape == Shape::Check), (!answer.is_error(), !answer.is_error()));
            let ran = Approval { answer: Some(answer.to_string()), ..request(1, "executed", 1) };
            let sentence = became(&ran, DateTime::UNIX_EPOCH).unwrap_or_default().plain();
            for said in [
                sentence,
                outcome(&ran).plain(),
                event(Some("executing"), "executed", false, ran.answer.as_deref()).to_owned(),
            ] {
                assert!(said.contains(answer.outcome()), "{said}");
            }
            assert_eq!(result(Some(answer.as_str())).contains("error"), answer.is_error());
        }
        assert_eq!(badge("executed", None), badge("executed", Some("result")));
        assert_eq!(badge("executed", Some("of a newer server")), badge("executed", None));
        assert_eq!(badge("approved", Some("tool_error")).2, "approved", "only of what ran");
    }

    #[test]
    fn arguments_that_were_not_checked_wholly_are_said_to_be() {
        assert_eq!(unchecked("full", None), None);
        let said =
            |check, note| unchecked(check, Some(note)).map(|(what, why)| format!("{what} {why}")).unwrap_or_default();
        assert_eq!(
            said("none", "checking them takes too long"),
            "The arguments were not checked against the tool's input schema: checking them takes too long."
        );
        assert!(
            said("partial", "the pattern `x` is left out").contains("in part. Of the tool's input schema, the pattern")
        );
    }

    #[test]
    fn a_late_approval_is_offered_for_a_week() {
        let expired = request(1, "expired", 0);
        assert!(may_be_late(&expired, DateTime::UNIX_EPOCH + TimeDelta::days(6)));
        assert!(!may_be_late(&expired, DateTime::UNIX_EPOCH + TimeDelta::days(7)));
        assert!(!may_be_late(&request(1, "rejected", 0), DateTime::UNIX_EPOCH));
    }

    #[test]
    fn a_destructive_claim_stands_alone_and_outweighs_a_harmless_one() {
        let words = |hints: ToolHints| claims(&hints).into_iter().map(|(_, _, words)| words).collect::<Vec<_>>();
        let both = ToolHints { destructive: Some(true), read_only: Some(true), ..ToolHints::default() };
        assert_eq!(words(both), ["destructive"]);
        assert_eq!(words(ToolHints { open_world: Some(true), ..both }), ["destructive", "reaches outside"]);
        let harmless = ToolHints { read_only: Some(true), idempotent: Some(true), ..ToolHints::default() };
        assert_eq!(words(harmless), ["changes nothing, twice is as once"]);
        assert!(words(ToolHints::default()).is_empty());
    }

    #[test]
    fn the_rules_of_the_gate_become_sentences() {
        use domain::{Permission, gate::Rule};
        let said = |rule: Rule| why(&rule.to_string(), "send_invoice", "finance").plain();
        let role = Rule::Role { role: "agent".to_owned(), permission: Permission::NeedsApproval };
        assert_eq!(said(role), "the role agent needs approval for send_invoice in the toolkit finance.");
        assert!(
            said(Rule::Default(Permission::NeedsApproval))
                .starts_with("send_invoice needs approval in the toolkit finance")
        );
        assert_eq!(said(Rule::DefinitionChanged), "the tool's definition changed and has not been reviewed.");
    }
}
