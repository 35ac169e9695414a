//! The states of a request in words: for badges, for the line under a title, for tables.

use api_types::{Approval, ApprovalDetail, ApprovalEvent};
use chrono::{DateTime, TimeDelta, Utc};
use domain::approval::Answer;

use crate::{
    components::{Shape, Tone},
    show::{folding::number, outline::Differences, words::Words},
};

/// How long after its end an expired request can still be approved (approvals.md, "States").
const LATE: TimeDelta = TimeDelta::days(7);

/// What stands in the place of an e-mail that is no longer known.
pub const GONE: &str = "a former member";

/// A state for a badge: tone, icon, words. `answer` is how the server answered, of a call that ran.
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
            Some(answer) if answer.is_error() => (Tone::Bad, Shape::Warning, answer.outcome()),
            _ => (Tone::Ok, Shape::Check, Answer::Result.outcome()),
        },
        "outcome_unknown" => (Tone::Warn, Shape::Question, "outcome unknown"),
        "not_executed" => (Tone::Quiet, Shape::Cross, "not executed"),
        // A newer server may know more.
        _ => (Tone::Quiet, Shape::Question, "another state"),
    }
}

/// Whether the server answered with an error.
pub fn is_error(answer: Option<&str>) -> bool {
    told(answer).is_some_and(Answer::is_error)
}

/// With a capital letter, for the beginning of a line.
pub fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// The same of a sentence that another part of the product begins in small letters.
pub fn sentence(words: &str) -> String {
    // An e-mail stays as it is.
    if words.split(' ').next().is_some_and(|first| first.contains('@')) { words.to_owned() } else { capital(words) }
}

/// How the server answered, where it is known.
fn told(answer: Option<&str>) -> Option<Answer> {
    answer.and_then(|answer| answer.parse().ok())
}

/// The words of a state in a history: "opened", "approved".
pub fn event(from: Option<&str>, to: &str, is_first: bool, answer: Option<&str>) -> &'static str {
    match to {
        // What joins the history without changing the state says for itself what it is.
        _ if from == Some(to) => "note added",
        "pending" if is_first => "requested",
        "pending" => "waiting again",
        "executing" => "started",
        other => badge(other, answer).2,
    }
}

/// Why a request was held, behind "Held because ": the rule in the gate's words (`domain::gate::Rule`) says only what is
/// set where.
pub fn why(rule: &str, tool: &str, toolkit: &str) -> Words {
    if rule == "toolkit default: needs_approval" {
        return Words::of("{} needs approval for everyone in {}.", &[tool, toolkit]);
    }
    match role(rule) {
        Some(role) => Words::of("{} needs approval for the role {} in {}.", &[tool, role, toolkit]),
        None => Words::of("{}.", &[rule.trim_end_matches('.')]),
    }
}

/// The caller's role, where the rule names it.
pub fn role(rule: &str) -> Option<&str> {
    rule.strip_prefix("policy for role ")?.strip_suffix(": needs_approval")
}

/// Whether a request that nobody decided in time can still be approved.
pub fn may_be_late(approval: &Approval, now: DateTime<Utc>) -> bool {
    approval.status == "expired" && now < approval.expires_at + LATE
}

/// Whether a request that waits now has expired before, or the same one by the same caller has.
pub fn expired_before(detail: &ApprovalDetail) -> bool {
    let same = |one: &Approval| one.status == "expired" && one.arguments_sha256 == detail.approval.arguments_sha256;
    detail.history.iter().any(|event| event.to == "expired") || detail.similar.iter().any(same)
}

/// What became of a request, and what follows: the sentence over one that does not wait.
pub fn became(approval: &Approval, now: DateTime<Utc>) -> Option<Words> {
    let by = approval.decided_by_email.as_deref().unwrap_or(GONE);
    let said = approval.decision_reason.as_deref().map(|reason| Words::of(" (“{}”)", &[reason])).unwrap_or_default();
    let approved = || Words::of("Approved by {}", &[by]).and(said.clone());
    Some(match approval.status.as_str() {
        "pending" => return None,
        "approved" => approved().and(". The call runs when the agent comes back for it."),
        "rejected" => {
            Words::of("Rejected by {}", &[by]).and(said).and(". The agent sees the reason word for word when it asks again.")
        }
        "expired" if may_be_late(approval, now) => {
            "Nobody decided in time. You can still approve it; then the agent may run it.".into()
        }
        "expired" => "Nobody decided in time, or it was approved and not used. The agent can ask again.".into(),
        "withdrawn" => match &approval.taken_back_reason {
            Some(reason) => {
                let by = approval.taken_back_by_email.as_deref().unwrap_or(GONE);
                Words::of(
                    "The approval was withdrawn by {} before it was used (“{}”). The agent sees the reason word for word.",
                    &[by, reason],
                )
            }
            None => "The agent withdrew its request.".into(),
        },
        "invalidated" => match &approval.changed {
            Some(changed) => Words::of("It can no longer run: {}. The agent can ask again.", &[changed]),
            None => "It can no longer run: something it depends on has changed. The agent can ask again.".into(),
        },
        "executing" if approval.asks_input => approved().and(
            ", and sent. The server asked the agent’s side for input and is waiting for it. Without the input, nobody will know whether the call ran.",
        ),
        "executing" => approved().and(". It is running now."),
        "executed" => approved().and(". It ").and(badge("executed", approval.answer.as_deref()).2).and("."),
        "outcome_unknown" => {
            approved().and(", and sent, but no answer came. It may have run. Permesso never sends it again on its own.")
        }
        "not_executed" => approved().and(", but not executed, as somebody confirmed."),
        other => Words::of("Its state is {}.", &[other]),
    })
}

/// When the call was sent, and how many microseconds its answer took, as far as the history says so.
pub fn ran(history: &[ApprovalEvent]) -> Option<(DateTime<Utc>, Option<i64>)> {
    let into = |event: &ApprovalEvent, to: &str| event.to == to && event.from.as_deref() != Some(to);
    let sent = history.iter().rposition(|event| into(event, "executing"))?;
    let at = history.get(sent)?.at;
    let answered =
        history.iter().skip(sent).find(|event| into(event, "executed") && event.from.as_deref() == Some("executing"));
    Some((at, answered.and_then(|event| (event.at - at).num_microseconds())))
}

/// The outcome of a similar request, in a few words; who decided stands last, since the end is cut where room is short.
pub fn outcome(approval: &Approval) -> Words {
    let by = approval.decided_by_email.as_deref().map(|by| Words::of(" · {}", &[by])).unwrap_or_default();
    let words = match approval.status.as_str() {
        "rejected" => match &approval.decision_reason {
            Some(reason) => Words::of("rejected: {}", &[reason]),
            None => "rejected".into(),
        },
        "withdrawn" => match &approval.taken_back_reason {
            Some(reason) => return Words::of("approval withdrawn: {}", &[reason]),
            None => return "withdrawn".into(),
        },
        "approved" => "approved".into(),
        "executing" => "approved, running".into(),
        "executed" => Words::from("approved, ").and(badge("executed", approval.answer.as_deref()).2),
        other => return badge(other, None).2.into(),
    };
    words.and(by)
}

/// What an answer is called, by how the server answered.
pub fn result(answer: Option<&str>) -> &'static str {
    match told(answer) {
        Some(Answer::ToolError) => "Result: the tool reported an error",
        Some(Answer::ProtocolError) => "Result: the server answered with an error",
        _ => "Result",
    }
}

/// How much differs, before and after the words "last approved call".
pub fn compared(differences: Differences) -> (String, String) {
    let Differences { changed, unknown } = differences;
    let before = match changed {
        0 if unknown > 0 => "No difference found from the ".to_owned(),
        0 => "Same as the ".to_owned(),
        1 => "1 differs from the ".to_owned(),
        changed => format!("{} differ from the ", number(changed)),
    };
    let after = match unknown {
        0 => String::new(),
        unknown => format!(" ({} redacted since, cannot be compared)", number(unknown)),
    };
    (before, after)
}

/// That nobody can decide, or settle, a request that needs it, why, and where that can be changed.
pub fn nobody(detail: &ApprovalDetail) -> Option<(&'static str, String)> {
    let approval = &detail.approval;
    let what = match approval.status.as_str() {
        "pending" => "Nobody can decide this",
        "outcome_unknown" => "Nobody can settle this",
        "executing" if approval.asks_input => "Nobody can settle this",
        _ => return None,
    };
    let nobody = !approval.may_decide && !detail.somebody_may_decide;
    nobody.then(|| (what, detail.who_decides.nobody(&approval.tool, &approval.toolkit)))
}

/// That arguments were not checked against the tool's input schema, or not wholly, and why.
pub fn unchecked(check: &str, note: Option<&str>) -> Option<(&'static str, String)> {
    let why = note.unwrap_or("the gateway does not say why");
    match check {
        "full" => None,
        "partial" => {
            Some(("The arguments were only partly checked against the tool’s schema", sentence(&format!("{why}."))))
        }
        _ => Some(("The arguments were not checked against the tool’s schema", sentence(&format!("{why}.")))),
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
            |check, note| unchecked(check, Some(note)).map(|(what, why)| format!("{what}. {why}")).unwrap_or_default();
        assert_eq!(
            said("none", "checking them takes too long"),
            "The arguments were not checked against the tool’s schema. Checking them takes too long."
        );
        assert!(
            said("partial", "the pattern `x` is left out")
                .ends_with("only partly checked against the tool’s schema. The pattern `x` is left out.")
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
    fn differences_are_put_into_words() {
        let words = |changed, unknown| compared(Differences { changed, unknown });
        assert_eq!(words(2, 0), ("2 differ from the ".to_owned(), String::new()));
        assert_eq!(words(1, 0).0, "1 differs from the ");
        assert_eq!(words(0, 0).0, "Same as the ");
        assert!(words(0, 1).0.starts_with("No difference found") && words(0, 1).1.contains("1 redacted"));
    }

    #[test]
    fn how_long_a_call_took_is_known_from_its_history() {
        let event = |from: Option<&str>, to: &str, ms: i64| ApprovalEvent {
            at: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms),
            from: from.map(str::to_owned),
            to: to.to_owned(),
            actor_kind: "system".to_owned(),
            actor_id: None,
            actor_name: String::new(),
            note: None,
        };
        let start = [event(None, "pending", 0), event(Some("pending"), "approved", 10)];
        assert_eq!(ran(&start), None);
        let sent =
            [start.to_vec(), vec![event(Some("approved"), "executing", 20), event(Some("executing"), "executing", 30)]]
                .concat();
        let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(20);
        assert_eq!(ran(&sent), Some((at, None)));
        let done = [sent.clone(), vec![event(Some("executing"), "executed", 432)]].concat();
        assert_eq!(ran(&done), Some((at, Some(412_000))));
        let settled = [
            sent,
            vec![event(Some("executing"), "outcome_unknown", 40), event(Some("outcome_unknown"), "executed", 90)],
        ]
        .concat();
        assert_eq!(ran(&settled), Some((at, None)), "when it was settled is not how long it took");
    }

    #[test]
    fn a_sentence_begins_with_a_capital_but_an_e_mail_stays_as_it_is() {
        assert_eq!(sentence("nobody has a role"), "Nobody has a role");
        assert_eq!(sentence("sam@x owns the key"), "sam@x owns the key");
        assert_eq!(capital(""), "");
    }

    #[test]
    fn the_rules_of_the_gate_become_sentences() {
        use domain::{Permission, gate::Rule};
        let said = |rule: Rule| why(&rule.to_string(), "send_invoice", "finance").plain();
        let role = Rule::Role { role: "agent".to_owned(), permission: Permission::NeedsApproval };
        assert_eq!(said(role), "send_invoice needs approval for the role agent in finance.");
        assert_eq!(
            said(Rule::Default(Permission::NeedsApproval)),
            "send_invoice needs approval for everyone in finance."
        );
        assert_eq!(said(Rule::DefinitionChanged), "the tool's definition changed and has not been reviewed.");
    }
}
