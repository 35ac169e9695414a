//! Lists that people and programs ask for: each costs the upstream, the database and, where it brings news, every
//! replica.

use std::time::Duration;

use api_types::Refreshed;
use tokio::time::Instant;

/// How often a connection's tools are listed because somebody asks for it.
const EVERY: Duration = Duration::from_secs(2);
/// How many such lists may be made at once before that.
const AT_ONCE: u32 = 5;

/// What a list brought, or why the upstream did not give it.
type ListResult = Result<Refreshed, String>;

/// The lists of one connection that were asked for on this replica.
#[derive(Default)]
pub(super) struct ByHand {
    last: Option<LastList>,
    /// When the next list would be due, if each took [`EVERY`]; the clock's elapsed time.
    due: Option<Duration>,
}

struct LastList {
    began: Instant,
    version: i64,
    answer: ListResult,
}

impl ByHand {
    /// What the last list brought, if it was begun after `asked` and with this version of the configuration.
    pub(super) fn made_since(&self, asked: Instant, version: i64) -> Option<ListResult> {
        let made = self.last.as_ref().filter(|made| made.began >= asked && made.version == version)?;
        Some(made.answer.clone())
    }

    pub(super) fn made(&mut self, began: Instant, version: i64, answer: ListResult) {
        self.last = Some(LastList { began, version, answer });
    }

    /// How long the list that is about to be made has to wait.
    pub(super) fn pause(&mut self, now: Duration) -> Duration {
        let due = self.due.map_or(now, |due| due.max(now)) + EVERY;
        self.due = Some(due);
        due.saturating_sub(now + EVERY * AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_lists_are_made_at_once_and_then_one_each_two_seconds() {
        let (mut by_hand, began) = (ByHand::default(), Duration::from_secs(7));
        let mut now = began;
        for _ in 0..5 {
            now += by_hand.pause(now);
        }
        assert_eq!(now, began, "who presses the button now and then waits for nothing");
        for _ in 0..30 {
            now += by_hand.pause(now);
        }
        assert_eq!(now - began, Duration::from_secs(60));
        assert_eq!(by_hand.pause(now + Duration::from_secs(60)), Duration::ZERO);
    }

    #[test]
    fn a_list_answers_only_who_asked_before_it_began_and_means_the_same_configuration() {
        let mut by_hand = ByHand::default();
        let (asked, began) = (Instant::now(), Instant::now() + EVERY);
        assert_eq!(by_hand.made_since(asked, 1), None);
        by_hand.made(began, 1, Err("gone".to_owned()));
        assert_eq!(by_hand.made_since(asked, 1), Some(Err("gone".to_owned())));
        assert_eq!(by_hand.made_since(asked, 2), None);
        assert_eq!(by_hand.made_since(began + EVERY, 1), None);
    }
}
