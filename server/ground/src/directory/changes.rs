//! What has changed in the configuration, as far as this replica has heard.

use std::collections::HashMap;

use uuid::Uuid;

use super::kept::Item;
use crate::db::directory::News;

/// How many changes are asked for at once. More: everything counts as changed.
pub(super) const AT_ONCE: i64 = 10_000;
/// How many orgs, people and keys are remembered with their last change: 10 MB.
const REMEMBERED: usize = 200_000;

/// The last change of each org, person and key since the start. What was read at a version counts until one of those it
/// was read of has changed after it.
#[derive(Debug)]
pub(super) struct Changes {
    /// The version up to which everything is known.
    heard: i64,
    /// Everything may have changed at this version.
    all: i64,
    last: HashMap<Uuid, i64>,
}

impl Changes {
    /// From this version on.
    pub(super) fn since(version: i64) -> Self {
        Self { heard: version, all: version, last: HashMap::new() }
    }

    pub(super) fn heard(&self) -> i64 {
        self.heard
    }

    /// Takes in what has changed since [`Self::heard`].
    pub(super) fn hear(&mut self, news: News) {
        let whole = i64::try_from(news.changed.len()).is_ok_and(|changed| changed < AT_ONCE);
        if whole && self.last.len() + news.changed.len() <= REMEMBERED {
            self.last.extend(news.changed);
        } else {
            self.last.clear();
            self.all = news.version;
        }
        self.heard = news.version;
    }

    /// Whether nothing that this was read of is known to have changed since.
    pub(super) fn is_unchanged<T>(&self, item: &Item<T>) -> bool {
        item.of.iter().all(|subject| self.last_of(*subject) <= item.version)
    }

    /// The same where everything is known up to the version of the item.
    pub(super) fn confirm<T>(&self, item: &Item<T>) -> bool {
        item.version <= self.heard && self.is_unchanged(item)
    }

    /// What has changed after this version. `None`: that is not known, for it was before the start or too much.
    pub(super) fn since_version(&self, version: i64) -> Option<Vec<Uuid>> {
        let changed = self.last.iter().filter(|(_, last)| **last > version).map(|(subject, _)| *subject);
        (version >= self.all).then(|| changed.collect())
    }

    /// The version of the last change of this org, person or key that is known; if there was none since the start, what it
    /// was then.
    pub(super) fn last_of(&self, subject: Uuid) -> i64 {
        self.last.get(&subject).copied().unwrap_or(self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(version: i64, changed: impl IntoIterator<Item = (Uuid, i64)>) -> News {
        News { version, changed: changed.into_iter().collect() }
    }

    #[test]
    fn only_what_changed_is_old() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut changes = Changes::since(7);
        changes.hear(news(9, [(one, 9)]));
        assert_eq!((changes.last_of(one), changes.last_of(other), changes.heard()), (9, 7, 9));
        assert_eq!((changes.since_version(7), changes.since_version(9)), (Some(vec![one]), Some(vec![])));
        assert_eq!(changes.since_version(6), None, "before the start");
        changes.hear(news(12, [(other, 11), (one, 12)]));
        assert_eq!((changes.last_of(one), changes.last_of(other)), (12, 11));
    }

    #[test]
    fn what_cannot_be_counted_makes_everything_old_and_is_forgotten() {
        let many = |from: u128| (0..AT_ONCE).map(move |n| (Uuid::from_u128(from + n as u128), 5));
        let mut changes = Changes::since(1);
        changes.hear(news(8, many(0)));
        assert_eq!(changes.last_of(Uuid::from_u128(u128::MAX)), 8, "those that were cut off may be any");
        for round in 1..=REMEMBERED / (AT_ONCE as usize - 1) + 1 {
            changes.hear(news(8 + round as i64, many(round as u128 * 1_000_000).skip(1)));
            assert!(changes.last.len() <= REMEMBERED);
        }
        assert!(changes.last_of(Uuid::from_u128(u128::MAX)) > 8, "so many are not remembered");
    }
}
