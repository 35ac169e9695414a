//! The person who decides: looks at what waits, thinks for a while, and approves, rejects or forgets it. What
//! becomes of a call, and when, follows from the seed and the call's token alone.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::{
    book::Book,
    scene::{ORG, Pace, TOOLKIT},
};
use crate::person::Person;

/// Between two looks at what is new.
const LOOK: Duration = Duration::from_millis(400);
/// Every so many looks, all that waits is looked at, not only the newest.
const THOROUGH: u32 = 12;

/// What a person does about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Approve,
    Reject,
    Forget,
}

impl Fate {
    /// What becomes of the call with this token, and after how long a thought.
    fn of(seed: u64, token: &str, longest: Duration) -> (Self, Duration) {
        let mut hasher = DefaultHasher::new();
        (seed, token).hash(&mut hasher);
        let mut random = fastrand::Rng::with_seed(hasher.finish());
        let fate = match random.u8(..100) {
            0..86 => Self::Approve,
            86..96 => Self::Reject,
            _ => Self::Forget,
        };
        // Most are quick, some take long.
        let thought = 0.3 + (longest.as_secs_f64() - 0.3) * random.f64().powi(3);
        (fate, Duration::from_secs_f64(thought))
    }
}

/// What was decided about one call.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) approval: String,
    pub(crate) fate: Fate,
    /// When it was first sent.
    pub(crate) posted: Option<Instant>,
    /// When the gateway had answered that it is decided.
    pub(crate) decided: Option<Instant>,
    /// An earlier attempt broke, and may have decided it.
    pub(crate) repeated: bool,
    /// The status and code of a refusal.
    pub(crate) refused: Option<String>,
}

/// Verdicts by the calls' tokens.
pub(crate) type Verdicts = Arc<Mutex<HashMap<String, Verdict>>>;

/// Somebody who decides.
#[derive(Clone)]
pub(crate) struct Approver {
    pub(crate) person: Person,
    pub(crate) seed: u64,
    pub(crate) pace: Pace,
    pub(crate) verdicts: Verdicts,
    pub(crate) book: Arc<Book>,
}

impl Approver {
    /// Decides until this is dropped.
    pub(crate) async fn work(self) {
        let mut seen = HashSet::new();
        let mut thinking = JoinSet::new();
        for look in 0_u32.. {
            for id in self.waiting(look.is_multiple_of(THOROUGH)).await {
                if seen.insert(id.clone()) {
                    thinking.spawn(self.clone().consider(id));
                }
            }
            while thinking.try_join_next().is_some() {}
            sleep(LOOK).await;
        }
    }

    fn anywhere(&self) -> usize {
        fastrand::usize(..self.person.gateways())
    }

    /// The ids of what waits for the agents: of the newest, or of all. What the hostile caller asks for is left to expire.
    async fn waiting(&self, all: bool) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("/orgs/{ORG}/approvals?status=pending&limit=100{cursor}");
            let Ok((200, page)) = self.person.send(self.anywhere(), Method::GET, &path, None).await else { return ids };
            let items = page["items"].as_array().into_iter().flatten().filter(|item| item["toolkit"] == TOOLKIT);
            ids.extend(items.filter_map(|item| item["id"].as_str().map(ToOwned::to_owned)));
            match page["next_cursor"].as_str() {
                Some(next) if all => cursor = format!("&cursor={next}"),
                _ => return ids,
            }
        }
    }

    /// Looks at one request, thinks, decides.
    async fn consider(self, id: String) {
        let path = format!("/orgs/{ORG}/approvals/{id}");
        let seen = loop {
            match self.person.send(self.anywhere(), Method::GET, &path, None).await {
                Ok((200, seen)) => break seen,
                Ok((status, body)) => return self.book.complain(format!("GET {path}: HTTP {status}: {body}")),
                // The gateway that was killed.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        };
        let Some(token) = seen["arguments"]["token"].as_str() else {
            return self.book.complain(format!("{path} shows no token: {seen}"));
        };
        let (fate, thought) = Fate::of(self.seed, token, self.pace.longest_thought);
        let verdict =
            Verdict { approval: id.clone(), fate, posted: None, decided: None, repeated: false, refused: None };
        let before = self.verdicts.lock().insert(token.to_owned(), verdict);
        // One that expired between two calls of its agent is asked for anew.
        if let Some(before) = before.filter(|before| before.approval != id && before.decided.is_some()) {
            self.book.complain(format!("{token} was decided as {}, and asked for again as {id}", before.approval));
        }
        sleep(thought).await;
        match fate {
            Fate::Approve => self.decide(token, &path, "approve", &seen).await,
            Fate::Reject => self.decide(token, &path, "reject", &seen).await,
            Fate::Forget => {}
        }
    }

    async fn decide(&self, token: &str, path: &str, verb: &str, seen: &Value) {
        let body = json!({
            "arguments_sha256": seen["arguments_sha256"],
            "definition_sha256": seen["definition_sha256"],
            "reason": "decided in the soak",
        });
        let path = format!("{path}/{verb}");
        loop {
            self.note(token, |verdict| verdict.posted = verdict.posted.or(Some(Instant::now())));
            let answer = self.person.send(self.anywhere(), Method::POST, &path, Some(body.clone())).await;
            let now = Instant::now();
            match answer {
                Ok((200, _)) => return self.note(token, |verdict| verdict.decided = Some(now)),
                Ok((status, body)) => {
                    let refused = format!("HTTP {status} {}", body["code"].as_str().unwrap_or_default());
                    return self.note(token, |verdict| verdict.refused = Some(refused));
                }
                Err(error) => {
                    self.note(token, |verdict| verdict.repeated |= !error.is_connect());
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn note(&self, token: &str, change: impl FnOnce(&mut Verdict)) {
        if let Some(verdict) = self.verdicts.lock().get_mut(token) {
            change(verdict);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_of_a_call_follows_from_the_seed_and_its_token() {
        let longest = Pace::USUAL.longest_thought;
        let of = |seed, token: &str| Fate::of(seed, token, longest);
        assert_eq!(of(1, "a"), of(1, "a"));
        let fates: Vec<_> = (0..1_000).map(|n| of(7, &format!("t{n}"))).collect();
        let count = |wanted| fates.iter().filter(|(fate, _)| *fate == wanted).count();
        assert!(count(Fate::Approve) > 800 && count(Fate::Reject) > 50 && count(Fate::Forget) > 10);
        assert!(fates.iter().all(|(_, thought)| *thought <= longest));
        assert_ne!(of(1, "a").1, of(2, "a").1);
    }
}
