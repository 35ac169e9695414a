//! What is said when a decision did not arrive: what became of it, by whom, and what one can do.

use api_types::Approval;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::queue::Verdict;
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
                "It is not known whether {} was {}: {} Send it again; a decision counts once.",
                &[tool, verdict.done(), detail],
            ),
            remedy: Remedy::Retry,
        },
        Some("not_open") => {
            let why = fate.map_or_else(|| detail.to_owned(), |fate| sentence(&became(fate, me, Some(at))));
            look(not.and(Words::of(" by you: {}", &[&why])))
        }
        Some("stale_view") => look(not.and(": the request has changed since you saw it. Look again.")),
        Some("unavailable" | "too_many" | "internal") => {
            Failed { words: not.and(Words::of(": {}", &[detail])), remedy: Remedy::Retry }
        }
        Some(_) => look(not.and(Words::of(": {}", &[detail]))),
    }
}

/// What became of a request: "mara@acme.example approved it", and beside one's own decision at `at`
/// "… 3 s before".
pub fn became(fate: &Fate, me: Option<Uuid>, at: Option<DateTime<Utc>>) -> String {
    let done = match fate.status.as_str() {
        "rejected" => "rejected",
        "approved" | "executing" | "executed" | "outcome_unknown" | "not_executed" => "approved",
        "expired" => return "it has expired".to_owned(),
        "withdrawn" => return "the agent withdrew it".to_owned(),
        "invalidated" => return "something it depends on changed, so it is no longer valid".to_owned(),
        other => return format!("it is {other} now"),
    };
    let who = match (fate.by, &fate.by_name) {
        (Some(by), _) if Some(by) == me => "you".to_owned(),
        (_, Some(name)) => name.clone(),
        _ => "somebody else".to_owned(),
    };
    let when = fate.at.zip(at).map(|(decided, at)| before(at - decided)).unwrap_or_default();
    format!("{who} {done} it{when}")
}

fn before(span: TimeDelta) -> String {
    match span.num_seconds() {
        // Clocks differ by a little.
        ..1 => " just before".to_owned(),
        seconds @ 1..60 => format!(" {seconds} s before"),
        seconds @ 60..3_600 => format!(" {} min before", seconds / 60),
        _ => " long before".to_owned(),
    }
}

fn sentence(text: &str) -> String {
    format!("{text}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uuid = Uuid::from_u128(1);

    fn fate(status: &str, by: u128, seconds: i64) -> Fate {
        Fate {
            status: status.to_owned(),
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
        assert_eq!(words, "send_invoice was not approved by you: mara@acme.example rejected it 3 s before.");
        let words = said(Some("not_open"), Some(&fate("executed", 1, 90))).words.plain();
        assert_eq!(words, "send_invoice was not approved by you: you approved it 1 min before.");
        assert_eq!(
            said(Some("not_open"), Some(&fate("approved", 2, -2))).words.plain().split_once(": ").map(|(_, why)| why),
            Some("mara@acme.example approved it just before.")
        );
    }

    #[test]
    fn without_anybody_faster_it_says_what_happened() {
        for (status, why) in [
            ("expired", "it has expired."),
            ("withdrawn", "the agent withdrew it."),
            ("invalidated", "something it depends on changed, so it is no longer valid."),
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
    fn a_request_that_has_changed_must_be_looked_at_again() {
        assert!(said(Some("stale_view"), None).words.plain().contains("has changed since you saw it"));
    }
}
