//! Listing an upstream's tools again and keeping what changed. What did not change is not touched:
//! every change of a tool is a change of configuration, which each replica loads.

use std::collections::{BTreeMap, HashSet};

use api_types::{Refreshed, UnusableTool};
use domain::{ToolId, directory::Connection};
use serde_json::value::RawValue;
use wire::{canonical::canonical, definition::ToolDefinition};

use super::open::{Entry, spec};
use crate::{
    db::{
        self, OrgScope, Reason,
        tool::{Known, Seen},
    },
    directory::harmful,
    error::{Error, Result},
    service::{
        Services,
        change::{self, About},
    },
};

/// Lists the upstream's tools now and keeps what changed: a new tool counts as reviewed, a changed
/// definition is held until it is reviewed, a tool no longer listed is no longer offered.
///
/// # Errors
/// `upstream_failed` (409) when the upstream does not list its tools, saying why; when the
/// connection is switched off or was changed meanwhile; when Postgres cannot be reached.
pub async fn refresh_tools(services: &Services, connection: &Connection) -> Result<Refreshed> {
    let entry = services.connections.entry(connection.id);
    let _one_at_a_time = entry.listing.lock().await;
    list_and_keep(services, connection, &entry).await.map_err(|trouble| match trouble {
        Trouble::Upstream(reason) => Error::conflict(
            "upstream_failed",
            format!("the connection `{}` did not list its tools: {reason}", connection.slug),
        ),
        Trouble::Other(error) => error,
    })
}

/// Why tools were not listed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The upstream: the reason is public and does not name the connection.
    Upstream(String),
    /// Anything else.
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// As [`refresh_tools`], for who holds the entry's `listing`.
pub(super) async fn list_and_keep(
    services: &Services,
    connection: &Connection,
    entry: &Entry,
) -> Result<Refreshed, Trouble> {
    if !connection.enabled {
        let message = format!("the connection `{}` is switched off", connection.slug);
        return Err(Error::conflict("connection_disabled", message).into());
    }
    let asked = services.clock.elapsed();
    let spec = spec(services, connection)?;
    match services.upstreams.list_tools(&spec).await {
        Ok(list) => {
            let refreshed = keep(services, connection, list).await?;
            entry.listed(asked, connection.version);
            Ok(refreshed)
        }
        Err(error) => {
            if entry.note_error(services.clock.elapsed()) {
                let mut scope = OrgScope::system(&services.db, connection.org, Reason::Upkeep).await?;
                let now = services.clock.now();
                db::connection::note_status(&mut scope, connection.id, now, Some(error.reason())).await?;
                scope.commit().await?;
            }
            Err(Trouble::Upstream(error.reason().to_owned()))
        }
    }
}

async fn keep(services: &Services, connection: &Connection, list: Vec<Box<RawValue>>) -> Result<Refreshed> {
    let mut scope = OrgScope::system(&services.db, connection.org, Reason::Upkeep).await?;
    let known = db::tool::known(&mut scope, connection.id).await?;
    drop(scope);
    // Definitions are as large and as many as the upstream likes.
    let work = move || compare(known, &list);
    let changes = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;

    let now = services.clock.now();
    let mut scope = OrgScope::system(&services.db, connection.org, Reason::Upkeep).await?;
    if db::connection::hold(&mut scope, connection.id).await? != Some(connection.version) {
        return Err(Error::conflict(
            "connection_changed",
            format!("the connection `{}` was changed while its tools were listed; try again", connection.slug),
        ));
    }
    db::connection::note_status(&mut scope, connection.id, now, None).await?;
    if !changes.new.is_empty() {
        db::tool::insert_many(&mut scope, connection.id, &changes.new, now).await?;
    }
    if !changes.seen_again.is_empty() {
        db::tool::update_seen_many(&mut scope, &changes.seen_again, now).await?;
    }
    if !changes.gone.is_empty() {
        db::tool::withdraw(&mut scope, &changes.gone).await?;
    }
    let Refreshed { added, changed, gone, .. } = &changes.report;
    let news = !(added.is_empty() && changed.is_empty() && gone.is_empty());
    if news {
        let request = (connection.slug.as_str(), &changes.report);
        change::record(services, &mut scope, None, "refresh_tools", &request, None::<&()>, &About::default()).await?;
    }
    scope.commit().await?;
    if news || !changes.seen_again.is_empty() {
        services.directory.refresh().await?;
    }
    Ok(changes.report)
}

/// What a list changes.
#[derive(Default)]
struct Changes {
    new: Vec<Seen>,
    seen_again: Vec<(ToolId, Seen)>,
    gone: Vec<ToolId>,
    report: Refreshed,
}

/// Compares an upstream's list with what is known. Of a name that is listed twice, the first counts.
fn compare(known: Vec<Known>, list: &[Box<RawValue>]) -> Changes {
    let mut changes = Changes::default();
    let mut known: BTreeMap<String, Known> = known.into_iter().map(|tool| (tool.name.clone(), tool)).collect();
    let mut listed = HashSet::new();
    let mut seen = BTreeMap::new();
    for (index, raw) in list.iter().enumerate() {
        match definition(raw) {
            Ok(definition) if listed.insert(definition.name.clone()) => {
                seen.insert(definition.name.clone(), definition);
            }
            Ok(definition) => {
                let problem = format!("the name `{}` is listed twice", definition.name.escape_debug());
                changes.report.unusable.push(UnusableTool { index, problem });
            }
            Err(problem) => changes.report.unusable.push(UnusableTool { index, problem }),
        }
    }
    // In the order of names, so that two replicas that list at once lock the rows in the same order.
    for (name, definition) in seen {
        let keep = |definition: ToolDefinition| Seen {
            name: definition.name,
            definition: definition.raw.get().to_owned(),
            sha256: definition.sha256,
        };
        let Some(before) = known.remove(&name) else {
            changes.report.added.push(name);
            changes.new.push(keep(definition));
            continue;
        };
        let same_review = before.sha256 == definition.sha256;
        if same_review && before.offered && same_json(&before.definition, definition.raw.get()) {
            continue;
        }
        if !same_review {
            changes.report.changed.push(name);
        } else if !before.offered {
            changes.report.added.push(name);
        }
        changes.seen_again.push((before.id, keep(definition)));
    }
    for (name, before) in known.into_iter().filter(|(_, before)| before.offered) {
        changes.report.gone.push(name);
        changes.gone.push(before.id);
    }
    changes
}

/// An upstream that writes the same members in another order each time changes nothing.
fn same_json(before: &str, now: &str) -> bool {
    before == now || matches!((canonical(before), canonical(now)), (Ok(before), Ok(now)) if before == now)
}

fn definition(raw: &RawValue) -> Result<ToolDefinition, String> {
    // Before anything else is done with it; and clients would have to read it as well.
    if let Some(why) = harmful(raw.get()) {
        return Err(why);
    }
    let definition = ToolDefinition::parse(raw).map_err(|error| error.to_string())?;
    // Postgres keeps no NUL, and nobody could tell such names apart.
    if definition.name.contains('\0') || definition.name.len() > 512 {
        return Err("the tool's name is over 512 bytes long or has a NUL character".to_owned());
    }
    Ok(definition)
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
