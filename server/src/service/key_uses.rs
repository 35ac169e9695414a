//! Last uses of keys, gathered in memory and written now and then.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{ApiKeyId, OrgId};
use parking_lot::Mutex;

use crate::{
    db::{self, Db, Reason, SystemScope},
    error::{Kind, Result},
};

/// Last uses of keys since the last [`flush`](Self::flush): a use costs a look-up in memory, not a
/// write.
#[derive(Default)]
pub struct KeyUses {
    pending: Mutex<HashMap<ApiKeyId, (OrgId, DateTime<Utc>)>>,
}

impl KeyUses {
    /// Notes a use.
    pub fn note(&self, key: ApiKeyId, org: OrgId, now: DateTime<Utc>) {
        let mut pending = self.pending.lock();
        let (_, at) = pending.entry(key).or_insert((org, now));
        *at = now.max(*at);
    }

    /// Writes what was noted, in one statement. Called every few seconds and before stopping.
    ///
    /// # Errors
    /// When Postgres cannot be reached; what was noted is kept for the next time.
    pub async fn flush(&self, db: &Db) -> Result<()> {
        let taken = std::mem::take(&mut *self.pending.lock());
        if taken.is_empty() {
            return Ok(());
        }
        let mut uses: Vec<_> = taken.into_iter().map(|(key, (org, at))| (key, org, at)).collect();
        uses.sort_unstable_by_key(|(key, ..)| *key);
        let written = write(db, &uses).await;
        // A fault of ours would fail each time again: those uses are given up.
        if written.as_ref().is_err_and(|error| error.kind == Kind::Unavailable) {
            for (key, org, at) in uses {
                self.note(key, org, at);
            }
        }
        written
    }
}

async fn write(db: &Db, uses: &[(ApiKeyId, OrgId, DateTime<Utc>)]) -> Result<()> {
    let mut scope = SystemScope::begin(db, Reason::Use).await?;
    db::api_key::note_uses(&mut scope, uses).await?;
    scope.commit().await
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn the_latest_use_is_kept_whatever_the_order() {
        let (uses, key, org) = (KeyUses::default(), ApiKeyId::new(), OrgId::new());
        let early = DateTime::UNIX_EPOCH;
        let late = early + TimeDelta::seconds(5);
        for at in [late, early] {
            uses.note(key, org, at);
        }
        assert_eq!(uses.pending.lock().get(&key), Some(&(org, late)));
    }
}
