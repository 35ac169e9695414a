//! A decision as this browser keeps it until it has arrived, so that the next page can name one that was not sent:
//! ids, the tool's name, the hashes that were seen and what was decided. No arguments.
//!
//! A page sends a decision only while it finds the decision kept, and a page that reports one as not sent takes it
//! out first: of two pages of one browser, one says "not sent" and the other does not send.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::queue::{GRACE, Target, Verdict};

/// How long after its five seconds a decision counts as on its way although its page said nothing more.
const LATE: TimeDelta = TimeDelta::seconds(10);
/// The same for one that was sent and not answered: its page renews this more often.
pub const SENDING: TimeDelta = TimeDelta::seconds(90);
/// How long it is worth naming.
const OLD: TimeDelta = TimeDelta::days(7);

/// A decision that has not arrived, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Who decided.
    pub person: Uuid,
    /// Of what.
    pub target: Target,
    /// What.
    pub verdict: Verdict,
    /// When.
    pub at: DateTime<Utc>,
    /// Until when its page is believed to be there; `None` once the page has said that it is left.
    pub alive_until: Option<DateTime<Utc>>,
    /// It was sent, and no answer came.
    pub sent: bool,
}

/// What a page does with a decision that it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Says that it was not sent.
    Report,
    /// Looks again then: another page may still send it.
    Wait(DateTime<Utc>),
    /// Nothing: it is of another person or org.
    Leave,
    /// Removes it.
    Forget,
}

impl Unsent {
    /// A decision that was made just now.
    pub fn new(person: Uuid, target: Target, verdict: Verdict, now: DateTime<Utc>) -> Self {
        Self { person, target, verdict, at: now, alive_until: Some(now + GRACE + LATE), sent: false }
    }

    /// What to do with it on a page of this person in this org.
    pub fn found(&self, me: Uuid, org: &str, now: DateTime<Utc>) -> Found {
        match self.alive_until {
            _ if now > self.at + OLD => Found::Forget,
            _ if self.person != me || self.target.org != org => Found::Leave,
            Some(until) if now < until => Found::Wait(until),
            _ => Found::Report,
        }
    }

    /// As text to be kept.
    pub fn to_text(&self) -> String {
        let (verdict, reason) = match &self.verdict {
            Verdict::Approve { reason } => ("approve", reason.clone().unwrap_or_default()),
            Verdict::Reject { reason } => ("reject", reason.clone()),
        };
        let alive = self.alive_until.map_or(0, |until| until.timestamp_millis());
        let target = self.target.clone();
        let fields = [
            self.person.to_string(),
            target.org,
            target.id.to_string(),
            target.tool,
            target.arguments_sha256,
            target.definition_sha256,
            verdict.to_owned(),
            reason,
            self.at.timestamp_millis().to_string(),
            alive.to_string(),
            self.sent.to_string(),
        ];
        serde_json::to_string(&fields.as_slice()).unwrap_or_default()
    }

    /// From text that was kept; `None` for what this version of the console does not understand.
    pub fn of_text(text: &str) -> Option<Self> {
        let fields: Vec<String> = serde_json::from_str(text).ok()?;
        let [person, org, id, tool, arguments_sha256, definition_sha256, verdict, reason, at, alive, sent] =
            <[String; 11]>::try_from(fields).ok()?;
        let time = |text: &str| DateTime::from_timestamp_millis(text.parse().ok()?);
        Some(Self {
            person: person.parse().ok()?,
            target: Target { org, id: id.parse().ok()?, tool, arguments_sha256, definition_sha256 },
            verdict: match verdict.as_str() {
                "approve" => Verdict::Approve { reason: Some(reason).filter(|reason| !reason.is_empty()) },
                "reject" => Verdict::Reject { reason },
                _ => return None,
            },
            at: time(&at)?,
            alive_until: Some(time(&alive)?).filter(|until| *until > DateTime::UNIX_EPOCH),
            sent: sent == "true",
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    const ME: Uuid = Uuid::from_u128(1);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 + seconds)
    }

    fn unsent(verdict: Verdict) -> Unsent {
        let target = Target {
            org: "acme".to_owned(),
            id: Uuid::from_u128(7),
            tool: "send\u{202e}\n\"invoice".to_owned(),
            arguments_sha256: "aa".to_owned(),
            definition_sha256: "bb".to_owned(),
        };
        Unsent::new(ME, target, verdict, at(0))
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        for verdict in [
            Verdict::Approve { reason: None },
            Verdict::Approve { reason: Some("fine".to_owned()) },
            Verdict::Reject { reason: "No.\n\"Never\", 'twas said.".to_owned() },
        ] {
            let mut kept = unsent(verdict);
            assert_eq!(Unsent::of_text(&kept.to_text()), Some(kept.clone()));
            kept.alive_until = None;
            kept.sent = true;
            assert_eq!(Unsent::of_text(&kept.to_text()), Some(kept));
        }
        for text in ["", "[]", "nothing", r#"["1","2"]"#] {
            assert_eq!(Unsent::of_text(text), None);
        }
    }

    #[test]
    fn a_decision_that_a_page_still_holds_is_not_reported_by_another() {
        let kept = unsent(Verdict::Approve { reason: None });
        assert_eq!(kept.found(ME, "acme", at(14)), Found::Wait(at(15)));
        assert_eq!(kept.found(ME, "acme", at(15)), Found::Report, "its page has crashed");
    }

    #[test]
    fn a_decision_whose_page_was_left_is_reported_at_once_to_the_same_person_in_the_same_org() {
        let mut kept = unsent(Verdict::Approve { reason: None });
        kept.alive_until = None;
        assert_eq!(kept.found(ME, "acme", at(1)), Found::Report);
        assert_eq!(kept.found(Uuid::from_u128(2), "acme", at(1)), Found::Leave);
        assert_eq!(kept.found(ME, "globex", at(1)), Found::Leave);
        assert_eq!(kept.found(Uuid::from_u128(2), "acme", at(0) + TimeDelta::days(8)), Found::Forget);
    }
}
