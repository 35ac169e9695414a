//! What is said when a decision did not arrive: why, who was faster, and what one can do.

use api_types::Approval;
use chrono::{DateTime, TimeDelta, Utc};
use domain::approval::Answer;
use uuid::Uuid;

use super::{queue::Verdict, unsent::Unsent};
use crate::show::words::Words;

/// What one can do after a decision failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Send the same once more.
    Retry,
    /// Look at the request.
    Look,
}

/// A decision that failed, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// A sentence or two.
    pub words: Words,
    /// What to offer.
    pub remedy: Remedy,
}

/// What is known of a request that somebody else was faster with.
#[derive(Clone, Debug)]
pub struct Fate {
    /// Its state now.
    pub status: String,
    /// How the upstream answered, once the call ran.
    pub answer: Option<Answer>,
    /// Who decided.
    pub by: Option<Uuid>,
    /// What they are called.
    pub by_name: Option<String>,
    /// When.
    pub at: Option<DateTime<Utc>>,
}

impl Fate {
    /// What is known from the request itself.
    pub fn of(approval: &Approval) -> Self {
        Self {
            status: approval.status.clone(),
            answer: approval.answer.as_deref().and_then(|answer| answer.parse().ok()),
            by: approval.decided_by,
            by_name: approval.decided_by_email.clone(),
            at: approval.decided_at,
        }
    }
}

/// Words for a decision that failed. `code` and `detail` are the server's; without a code it did not
/// answer. `fate` is the request as it is now, where it could be read, `me` the person who decided at `at`.
pub fn failed(
    tool: &str,
    verdict: &Verdict,
    (code, detail): (Option<&str>, &str),
    fate: Option<&Fate>,
    me: Option<Uuid>,
    at: DateTime<Utc>,
) -> Failed {
    let not = Words::of("{} was not {}", &[tool, verdict.done()]);
    let look = |words: Words| Failed { words, remedy: Remedy::Look };
    match code {
        // The answer may have been lost after the decision arrived.
        None => Failed {
            words: Words::of(
                "{} may not have been {}: {} Send it again; a decision only counts once.",
                &[tool, verdict.done(), detail],
            ),
            remedy: Remedy::Retry,
        },
        Some("not_open") => {
            let why = fate.map_or_else(|| detail.to_owned(), |fate| sentence(&became(fate, me, Some(at))));
            look(not.and(Words::of(": {}", &[&why])))
        }
        Some("stale_view") => look(not.and(": the request has changed since you opened it. Review it again.")),
        Some("unavailable" | "too_many" | "internal") => {
            Failed { words: not.and(Words::of(": {}", &[detail])), remedy: Remedy::Retry }
        }
        Some(_) => look(not.and(Words::of(": {}", &[detail]))),
    }
}

/// Words for a decision of a page that is gone. `fate` is the request as it is now, unless that is gone too; `same`
/// says that it can still be decided as it was seen. `None`: the decision has arrived, although no answer came.
pub fn lost(unsent: &Unsent, fate: Option<&Fate>, same: bool, me: Option<Uuid>) -> Option<Words> {
    let not = Words::of("Your {} of {} was not sent", &[unsent.verdict.noun(), &unsent.target.tool]);
    Some(match fate {
        None => not.and(": the request no longer exists."),
        Some(fate) if fate.status == "pending" && unsent.sent => Words::of(
            "Your {} of {} may not have arrived. The request is still waiting.",
            &[unsent.verdict.noun(), &unsent.target.tool],
        ),
        Some(_) if same => not.and(" because the page was closed. The request is still waiting."),
        Some(fate) if fate.status == "pending" => {
            not.and(", and the request or your right to decide it has changed since. Review it again.")
        }
        Some(fate) if unsent.sent && fate.by == me && is_done(fate, &unsent.verdict) => return None,
        Some(fate) => not.and(Words::of(": {}", &[&sentence(&became(fate, me, None))])),
    })
}

fn is_done(fate: &Fate, verdict: &Verdict) -> bool {
    let rejected = fate.status == "rejected";
    match verdict {
        Verdict::Approve { .. } => fate.by.is_some() && !rejected,
        Verdict::Reject { .. } => rejected,
    }
}

/// What became of a request: "mara@acme.example approved it", and beside one's own decision at `at`
/// "… 3 s earlier".
pub fn became(fate: &Fate, me: Option<Uuid>, at: Option<DateTime<Utc>>) -> String {
    let done = match fate.status.as_str() {
        "rejected" => "rejected",
        "approved" | "executing" | "executed" | "outcome_unknown" | "not_executed" => "approved",
        "expired" => return "it has expired".to_owned(),
        "withdrawn" => return "it was withdrawn".to_owned(),
        "invalidated" => return "something it depends on has changed, so it is no longer valid".to_owned(),
        other => return format!("it is now {other}"),
    };
    let who = match (fate.by, &fate.by_name) {
        (Some(by), _) if Some(by) == me => "you".to_owned(),
        (_, Some(name)) => name.clone(),
        _ => "someone else".to_owned(),
    };
    let when = fate.at.zip(at).map(|(decided, at)| before(at - decided)).unwrap_or_default();
    match fate.answer.filter(|answer| answer.is_error()) {
        Some(answer) => format!("{who} {done} it{when}; it {}", answer.outcome()),
        None => format!("{who} {done} it{when}"),
    }
}

fn before(span: TimeDelta) -> String {
    match span.num_seconds() {
        // Clocks differ by a little.
        ..1 => " moments earlier".to_owned(),
        seconds @ 1..60 => format!(" {seconds} s earlier"),
        seconds @ 60..3_600 => format!(" {} min earlier", seconds / 60),
        _ => " much earlier".to_owned(),
    }
}

fn sentence(text: &str) -> String {
    format!("{text}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Target;

    const ME: Uuid = Uuid::from_u128(1);

    fn fate(status: &str, by: u128, seconds: i64) -> Fate {
        Fate {
            status: status.to_owned(),
            answer: None,
            by: Some(Uuid::from_u128(by)),
            by_name: Some("mara@acme.example".to_owned()),
            at: Some(DateTime::UNIX_EPOCH - TimeDelta::seconds(seconds)),
        }
    }

    fn said(code: Option<&str>, fate: Option<&Fate>) -> Failed {
        let verdict = Verdict::Approve { reason: None };
        failed("send_invoice", &verdict, (code, "The details."), fate, Some(ME), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn who_was_faster_is_named_with_what_they_did() {
        let words = said(Some("not_open"), Some(&fate("rejected", 2, 3))).words.plain();
        assert_eq!(words, "send_invoice was not approved: mara@acme.example rejected it 3 s earlier.");
        let words = said(Some("not_open"), Some(&fate("executed", 1, 90))).words.plain();
        assert_eq!(words, "send_invoice was not approved: you approved it 1 min earlier.");
        assert_eq!(
            said(Some("not_open"), Some(&fate("approved", 2, -2))).words.plain().split_once(": ").map(|(_, why)| why),
            Some("mara@acme.example approved it moments earlier.")
        );
    }

    #[test]
    fn what_ran_into_an_error_is_not_said_to_be_approved_and_no_more() {
        let failed = Fate { answer: Some(Answer::ToolError), ..fate("executed", 2, 3) };
        let words = became(&failed, Some(ME), None);
        assert_eq!(words, "mara@acme.example approved it; it ran, the tool reported an error");
    }

    #[test]
    fn without_anybody_faster_it_says_what_happened() {
        for (status, why) in [
            ("expired", "it has expired."),
            ("withdrawn", "it was withdrawn."),
            ("invalidated", "something it depends on has changed, so it is no longer valid."),
        ] {
            let words = said(Some("not_open"), Some(&fate(status, 2, 3))).words.plain();
            assert!(words.ends_with(why), "{words}");
        }
        assert!(said(Some("not_open"), None).words.plain().ends_with("The details."));
    }

    #[test]
    fn only_what_may_work_the_second_time_can_be_sent_again() {
        assert_eq!(said(None, None).remedy, Remedy::Retry);
        assert_eq!(said(Some("unavailable"), None).remedy, Remedy::Retry);
        for code in ["not_open", "stale_view", "own_request", "forbidden", "invalidated", "not_found", "identical_open"]
        {
            assert_eq!(said(Some(code), None).remedy, Remedy::Look, "{code}");
        }
    }

    #[test]
    fn a_decision_of_a_page_that_is_gone_is_named_with_what_became_of_the_request() {
        let target = Target {
            org: "acme".to_owned(),
            id: Uuid::from_u128(7),
            tool: "send_invoice".to_owned(),
            arguments_sha256: String::new(),
            definition_sha256: String::new(),
        };
        let mut unsent = Unsent::new(ME, target, Verdict::Approve { reason: None }, DateTime::UNIX_EPOCH);
        let said = |unsent: &Unsent, status: &str, by, same| lost(unsent, Some(&fate(status, by, 3)), same, Some(ME));
        let begins = |said: Option<Words>, words: &str| {
            let said = said.unwrap_or_default().plain();
            assert!(said.starts_with("Your approval of send_invoice was not sent") && said.contains(words), "{said}");
        };
        begins(said(&unsent, "pending", 0, true), "still waiting");
        begins(said(&unsent, "pending", 0, false), "has changed since");
        begins(said(&unsent, "rejected", 2, false), "mara@acme.example rejected it");
        begins(lost(&unsent, None, false, Some(ME)), "no longer exists");
        begins(said(&unsent, "approved", 1, false), "you approved it");
        unsent.sent = true;
        assert_eq!(said(&unsent, "executed", 1, false), None, "it arrived");
        let words = said(&unsent, "pending", 0, true).unwrap_or_default().plain();
        assert_eq!(words, "Your approval of send_invoice may not have arrived. The request is still waiting.");
        begins(said(&unsent, "approved", 2, false), "mara@acme.example approved it");
    }

    #[test]
    fn a_request_that_has_changed_must_be_looked_at_again() {
        assert!(said(Some("stale_view"), None).words.plain().contains("has changed since you opened it"));
    }
}
