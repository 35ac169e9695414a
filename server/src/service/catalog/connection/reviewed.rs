//! Which definitions of a tool are reviewed: accepted by a person, taken off the list again (approvals.md, "A changed
//! definition"). A definition that differs only in the order of members and of sets is the same one (`wire::normal`).

use std::{borrow::Cow, str::FromStr};

use api_types::ReviewTool;
use chrono::{DateTime, TimeDelta, Utc};
use domain::ConnectionId;
use serde_json::json;
use tokio::task::spawn_blocking;
use wire::definition::{Hints, normal_sha256};

use crate::{
    db::{
        self, OrgScope,
        reviewed::{MOST, NONE, Reviewed, Unlisted},
        tool::Row,
    },
    error::{Error, Result},
    service::{Base, access::OrgAccess, change},
};

/// Accepts a changed definition: the tool is no longer held for it.
///
/// # Errors
/// `person_required` for a key, whatever the org lets keys loosen; not found; `definition_changed` (409) when the
/// definition that was looked at is not the one last seen.
pub async fn review(services: &Base, access: &OrgAccess, slug: &str, tool: &str, seen: &ReviewTool) -> Result<Row> {
    let person = access.actor.person()?;
    let wrong = |()| Error::invalid("definition_sha256", "must be a SHA-256 in hex (64 digits)");
    let named: Sha256 = seen.definition_sha256.parse().map_err(wrong)?;
    let mut scope = change::begin(services, access).await?;
    let connection = db::connection::find(&mut scope, slug).await?.ok_or_else(Error::not_found)?;
    let row = db::tool::find(&mut scope, connection.id, tool).await?.ok_or_else(Error::not_found)?;
    let normal = normal(&row.seen_definition)?;
    if !named.is(&row.seen_sha256) && !named.is(&normal) {
        return Err(Error::conflict(
            "definition_changed",
            format!(
                "the definition of `{tool}` has changed since: its SHA-256 is now {}; look at it again",
                hex::encode(&row.seen_sha256)
            ),
        ));
    }
    let now = services.clock.now();
    let reviewed = Reviewed {
        sha256: hex::encode(&row.seen_sha256),
        normal_sha256: hex::encode(normal),
        at: now,
        by: Some(person.0),
        destructive: is_destructive(&row.seen_definition),
    };
    let list = with(listed(&row)?.into_owned(), reviewed);
    db::reviewed::store(&mut scope, &row, &list, Some((person, now)), true).await?;
    let row = db::tool::find(&mut scope, connection.id, tool).await?.ok_or_else(Error::not_found)?;
    let request = json!({"connection": slug, "tool": tool, "definition_sha256": seen.definition_sha256});
    change::commit(services, scope, &access.actor, "review_tool", &request, None::<&()>).await?;
    Ok(row)
}

/// Takes a reviewed definition off the list: while the tool has it, its calls are held.
///
/// # Errors
/// `person_required` for a key; not found, also when the tool has no such reviewed definition; `definitions_trusted`
/// (409) where nothing would be held, since the connection's definitions are trusted.
pub async fn remove(services: &Base, access: &OrgAccess, slug: &str, tool: &str, sha256: &str) -> Result<()> {
    access.actor.person()?;
    let named: Sha256 = sha256.parse().map_err(|()| Error::not_found())?;
    let mut scope = change::begin(services, access).await?;
    let connection = db::connection::find(&mut scope, slug).await?.ok_or_else(Error::not_found)?;
    let row = db::tool::find(&mut scope, connection.id, tool).await?.ok_or_else(Error::not_found)?;
    let mut list = listed(&row)?.into_owned();
    let seen = hex::encode(normal(&row.seen_definition)?);
    let is_named = |reviewed: &Reviewed| {
        [&reviewed.sha256, &reviewed.normal_sha256].into_iter().any(|sha256| named.is_hex(sha256))
            || (named.is(&row.seen_sha256) && reviewed.normal_sha256 == seen)
    };
    let at = list.iter().position(is_named).ok_or_else(Error::not_found)?;
    if connection.trust_definitions {
        return Err(Error::conflict(
            "definitions_trusted",
            format!(
                "the connection `{slug}` trusts its definitions, so that `{tool}` would not be held for this one; set \
                 `trust_definitions` to false first"
            ),
        ));
    }
    list.remove(at);
    let is_listed = list.iter().any(|reviewed| reviewed.normal_sha256 == seen);
    db::reviewed::store(&mut scope, &row, &list, None, is_listed).await?;
    let request = json!({"connection": slug, "tool": tool, "definition_sha256": sha256});
    change::commit(services, scope, &access.actor, "delete_reviewed_definition", &request, None::<&()>).await
}

/// The reviewed definitions of a tool, the last reviewed one last: also one that an earlier version of the gateway
/// reviewed since.
///
/// # Errors
/// When the row has a definition that is none.
pub fn listed(row: &Row) -> Result<Cow<'_, [Reviewed]>> {
    if row.reviewed_listed.as_ref() == Some(&row.reviewed_sha256) || row.reviewed_sha256 == NONE {
        return Ok(Cow::Borrowed(&row.reviewed.0));
    }
    let reviewed = Reviewed {
        sha256: hex::encode(&row.reviewed_sha256),
        normal_sha256: hex::encode(normal(&row.reviewed_definition)?),
        at: row.reviewed_at,
        by: row.reviewed_by,
        destructive: is_destructive(&row.reviewed_definition),
    };
    Ok(Cow::Owned(with(row.reviewed.0.clone(), reviewed)))
}

/// Whether the definition last seen of a tool is none of the reviewed ones, which are `listed`.
///
/// # Errors
/// When the row has a definition that is none.
pub fn is_changed(row: &Row, listed: &[Reviewed]) -> Result<bool> {
    if row.seen_sha256 == row.reviewed_sha256 {
        return Ok(false);
    }
    let seen = hex::encode(normal(&row.seen_definition)?);
    Ok(!listed.iter().any(|reviewed| reviewed.normal_sha256 == seen))
}

/// What to say of a connection whose definitions changed three times within a day.
pub fn restless(row: &db::connection::Row, now: DateTime<Utc>) -> Option<String> {
    let last: &[_; 3] = row.definitions_changed.as_deref()?.try_into().ok()?;
    let [first, _, latest] = last;
    (now - *first < TimeDelta::days(1)).then(|| {
        format!(
            "definitions of its tools changed three times within a day, last at {}: calls are held for each that nobody \
             reviewed; find out why the upstream changes them, or trust the connection's definitions",
            latest.format("%Y-%m-%dT%H:%M:%SZ")
        )
    })
}

/// What to say of a connection whose upstream lists what cannot be used.
pub fn unusable(row: &db::connection::Row) -> Option<String> {
    let unusable = &row.unusable.as_ref()?.0;
    let first = unusable.first()?;
    let more = match unusable.len() {
        1 => String::new(),
        count => format!(" (and {} more, see `unusable`)", count - 1),
    };
    Some(format!("entry {} of the list of tools cannot be used: {}{more}", first.index, first.problem))
}

/// Puts what an earlier version of the gateway reviewed on the lists of a connection's tools, before another definition
/// takes the place of what it wrote.
pub(super) async fn list_unlisted(scope: &mut OrgScope, connection: ConnectionId) -> Result<()> {
    let unlisted = db::reviewed::unlisted(scope, connection).await?;
    if unlisted.is_empty() {
        return Ok(());
    }
    // Definitions are as large and as many as the upstream likes.
    let (unlisted, lists) = spawn_blocking(move || {
        let lists = unlisted.iter().map(now_listed).collect::<Vec<_>>();
        (unlisted, lists)
    })
    .await
    .map_err(Error::internal)?;
    db::reviewed::store_listed(scope, &unlisted, &lists).await
}

fn now_listed(unlisted: &Unlisted) -> Vec<Reviewed> {
    let list = unlisted.reviewed.0.clone();
    match normal(&unlisted.definition) {
        Ok(normal) if unlisted.sha256 != NONE => with(
            list,
            Reviewed {
                sha256: hex::encode(&unlisted.sha256),
                normal_sha256: hex::encode(normal),
                at: unlisted.at,
                by: unlisted.by,
                destructive: is_destructive(&unlisted.definition),
            },
        ),
        _ => list,
    }
}

/// The list with this definition as the one reviewed last.
fn with(mut list: Vec<Reviewed>, reviewed: Reviewed) -> Vec<Reviewed> {
    list.retain(|other| other.normal_sha256 != reviewed.normal_sha256);
    list.push(reviewed);
    list.drain(..list.len().saturating_sub(MOST));
    list
}

fn normal(definition: &str) -> Result<[u8; 32]> {
    normal_sha256(definition).map_err(Error::internal)
}

fn is_destructive(definition: &str) -> bool {
    serde_json::from_str(definition).map(Hints::read).unwrap_or_default().destructive == Some(true)
}

/// A hash that somebody named.
struct Sha256([u8; 32]);

impl Sha256 {
    fn is(&self, sha256: &[u8]) -> bool {
        self.0 == sha256
    }

    fn is_hex(&self, sha256: &str) -> bool {
        hex::encode(self.0) == sha256
    }
}

impl FromStr for Sha256 {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = hex::decode(text).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reviewed(n: usize) -> Reviewed {
        let sha256 = format!("{n:064x}");
        Reviewed { normal_sha256: sha256.clone(), sha256, at: DateTime::UNIX_EPOCH, by: None, destructive: false }
    }

    #[test]
    fn a_list_has_the_eight_that_were_reviewed_last_and_each_once() {
        let list = (0..10).fold(Vec::new(), |list, n| with(list, reviewed(n)));
        assert_eq!(list, (2..10).map(reviewed).collect::<Vec<_>>());
        let list = with(list, reviewed(3));
        assert_eq!((list.len(), list.last()), (MOST, Some(&reviewed(3))));
    }
}
