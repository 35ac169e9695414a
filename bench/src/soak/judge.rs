//! Judges a run: every call has an end that fits what ran and what was decided, and every fault has its
//! reason. What does not fit is a violation.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{
    approver::{Fate, Verdict},
    book::{End, Fault, Faulty, Outage, Record},
    kind::Kind,
};

/// A gateway that was killed takes connections again a moment after it says so.
const SLACK: Duration = Duration::from_secs(1);

/// What does not fit, by the tokens it is about.
pub(crate) fn violations(
    records: &HashMap<String, Record>,
    arrivals: &HashMap<String, u32>,
    verdicts: &HashMap<String, Verdict>,
    outage: Option<&Outage>,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (token, record) in records {
        let ran = arrivals.get(token).copied().unwrap_or(0);
        if let Err(why) = call(record, ran, verdicts.get(token), outage.is_some()) {
            found.push((token.clone(), why));
        }
    }
    let unknown = arrivals.keys().filter(|token| !records.contains_key(*token));
    found.extend(unknown.map(|token| (token.clone(), "it ran, and no agent called it".to_owned())));
    found.sort();
    found
}

/// Whether the end of a call fits.
fn call(record: &Record, ran: u32, verdict: Option<&Verdict>, killed: bool) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{why} (end {:?}, ran {ran} times, {verdict:?})", record.end));
    if ran > 1 {
        return wrong("it ran more than once");
    }
    let Some(end) = &record.end else { return wrong("its agent has not finished") };
    let approved = verdict.is_some_and(|verdict| verdict.fate == Fate::Approve && verdict.posted.is_some());
    let needs_approval = record.kind != Kind::Always;
    if ran == 1 && needs_approval && !approved {
        return wrong("it ran, and nobody approved it");
    }
    let heard = record.last.map(|(_, _, heard)| heard);
    match end {
        End::Lost(why) => wrong(why),
        End::Answered if ran == 0 => wrong("it was answered, and did not run"),
        End::Rejected | End::Expired if ran > 0 => wrong("it ran, and its agent was told that it did not"),
        End::Rejected if verdict.is_none_or(|verdict| verdict.fate != Fate::Reject) => {
            wrong("its agent was told of a rejection, and nobody rejected it")
        }
        // A decision that comes later than that is another story.
        End::Expired if decided_before(verdict, heard) => {
            wrong("it was decided, and its agent was told that nobody did")
        }
        End::OutcomeUnknown if !killed => wrong("its outcome is unknown, and nothing was killed"),
        End::OutcomeUnknown if !approved => wrong("its outcome is unknown, and nobody approved it"),
        End::Broken if needs_approval => wrong("it was not followed to its end"),
        End::Broken if !killed => wrong("it broke off, and nothing was killed"),
        End::Cancelled if record.kind != Kind::TaskGet => wrong("nobody cancelled it"),
        End::Left if record.kind != Kind::Claude => wrong("its agent never leaves"),
        _ => Ok(()),
    }
}

fn decided_before(verdict: Option<&Verdict>, heard: Option<Instant>) -> bool {
    let decided = verdict.and_then(|verdict| verdict.decided);
    decided.zip(heard).is_some_and(|(decided, heard)| decided < heard)
}

/// Whether a fault is one of a gateway that was away.
pub(crate) fn excused(faulty: &Faulty, outage: Option<&Outage>) -> bool {
    let Some(outage) = outage else { return false };
    let away = faulty.gateway == outage.gateway && faulty.at >= outage.killed && faulty.sent <= outage.back + SLACK;
    away && matches!(faulty.fault, Fault::Refused | Fault::Broke)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::soak::book::Step;

    fn record(kind: Kind, end: End) -> Record {
        let now = Instant::now();
        Record { last: Some((Step::Call, now, now)), ..Record::begin(kind).ended(end) }
    }

    fn verdict(fate: Fate, decided: Instant) -> Verdict {
        Verdict {
            approval: "x".to_owned(),
            fate,
            posted: Some(decided),
            decided: Some(decided),
            repeated: false,
            refused: None,
        }
    }

    fn judged(record: &Record, ran: u32, verdict: Option<&Verdict>, killed: bool) -> String {
        call(record, ran, verdict, killed).err().unwrap_or_default()
    }

    #[test]
    fn a_call_that_fits_is_none() {
        let before = Instant::now();
        let (yes, no) = (verdict(Fate::Approve, before), verdict(Fate::Reject, before));
        for (kind, end, ran, verdict) in [
            (Kind::Json, End::Answered, 1, Some(&yes)),
            (Kind::Json, End::Rejected, 0, Some(&no)),
            (Kind::Json, End::Expired, 0, None),
            (Kind::Always, End::Answered, 1, None),
            (Kind::Claude, End::Left, 0, Some(&yes)),
            (Kind::Claude, End::Left, 1, Some(&yes)),
            (Kind::TaskGet, End::Cancelled, 0, None),
        ] {
            assert_eq!(judged(&record(kind, end), ran, verdict, false), "");
        }
        assert_eq!(judged(&record(Kind::Json, End::OutcomeUnknown), 1, Some(&yes), true), "");
    }

    #[test]
    fn what_must_never_be_is_found() {
        let before = Instant::now();
        let (yes, no) = (verdict(Fate::Approve, before), verdict(Fate::Reject, before));
        for (kind, end, ran, verdict, why) in [
            (Kind::Json, End::Answered, 2, Some(&yes), "more than once"),
            (Kind::Json, End::Answered, 0, Some(&yes), "did not run"),
            (Kind::Json, End::Answered, 1, Some(&no), "nobody approved"),
            (Kind::Json, End::Answered, 1, None, "nobody approved"),
            (Kind::Json, End::Rejected, 0, Some(&yes), "nobody rejected"),
            (Kind::Json, End::Expired, 1, Some(&yes), "told that it did not"),
            (Kind::Json, End::Expired, 0, Some(&yes), "told that nobody did"),
            (Kind::Json, End::OutcomeUnknown, 1, Some(&yes), "nothing was killed"),
            (Kind::Json, End::Lost("gone".to_owned()), 0, None, "gone"),
            (Kind::Always, End::Broken, 1, None, "nothing was killed"),
            (Kind::Json, End::Cancelled, 0, None, "nobody cancelled"),
        ] {
            let found = judged(&record(kind, end), ran, verdict, false);
            assert!(found.contains(why), "{found:?} is not {why:?}");
        }
        let unfinished = Record::begin(Kind::Json);
        assert!(judged(&unfinished, 0, None, true).contains("not finished"));
    }

    #[test]
    fn what_ran_without_an_agent_is_found() {
        let arrivals = HashMap::from([("stray".to_owned(), 1)]);
        let found = violations(&HashMap::new(), &arrivals, &HashMap::new(), None);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn only_the_gateway_that_was_killed_may_break_off() {
        let killed = Instant::now();
        let outage =
            Outage { gateway: 1, prepared: killed, killed, back: killed.checked_add(Duration::from_secs(5)).unwrap() };
        let faulty = |fault, gateway| Faulty { fault, gateway, sent: killed, at: killed, about: "a call".to_owned() };
        assert!(excused(&faulty(Fault::Broke, 1), Some(&outage)));
        assert!(!excused(&faulty(Fault::Broke, 0), Some(&outage)));
        assert!(!excused(&faulty(Fault::Http(500), 1), Some(&outage)));
        assert!(!excused(&faulty(Fault::Broke, 1), None));
    }
}
