//! Listing an upstream's tools again and keeping what changed. What did not change is not touched:
//! every change of a tool is a change of configuration, which each replica loads.

use api_types::Refreshed;
use domain::directory::Connection;
use serde_json::value::RawValue;
use tokio::{task::spawn_blocking, time::Instant};

use super::{
    compare, instructions,
    open::{Entry, spec},
    reviewed,
};
use crate::{
    db::{self, OrgScope, Reason},
    error::{Error, Result},
    service::{
        Services,
        change::{self, About},
    },
};

/// Lists the upstream's tools now and keeps what changed: a new tool counts as reviewed, a changed
/// definition is held until it is reviewed, a tool no longer listed is no longer offered. Who asks while others wait, gets
/// what the list brought that was begun after they asked.
///
/// # Errors
/// `upstream_failed` (409) when the upstream does not list its tools, saying why; when the
/// connection is switched off or was changed meanwhile; when Postgres cannot be reached.
pub async fn refresh_tools(services: &Services, connection: &Connection) -> Result<Refreshed> {
    let asked = Instant::now();
    let entry = services.connections.entry(connection.id);
    let mut by_hand = entry.by_hand.lock().await;
    let made = by_hand.made_since(asked, connection.version);
    let answer = match made {
        Some(made) => made,
        None => {
            tokio::time::sleep(by_hand.pause(Instant::now())).await;
            let _one_at_a_time = entry.listing.lock().await;
            let began = Instant::now();
            let answer = match list_and_keep(services, connection, &entry).await {
                Ok(refreshed) => Ok(refreshed),
                Err(Trouble::Upstream(reason)) => Err(reason),
                Err(Trouble::Other(error)) => return Err(error),
            };
            by_hand.made(began, connection.version, answer.clone());
            answer
        }
    };
    answer.map_err(|reason| {
        let message = format!("the connection `{}` did not list its tools: {reason}", connection.slug);
        Error::conflict("upstream_failed", message)
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
    let kept = match services.upstreams.list_tools(&spec).await {
        Ok(list) => keep(services, connection, list).await,
        Err(error) => Err(Trouble::Upstream(error.reason().to_owned())),
    };
    match &kept {
        Ok(_) => entry.listed(asked, connection.version),
        Err(Trouble::Upstream(reason)) if entry.note_error(services.clock.elapsed()) => {
            let mut scope = OrgScope::system(&services.db.upkeep, connection.org, Reason::Upkeep).await?;
            let now = services.clock.now();
            db::connection::note_status(&mut scope, connection.id, now, Some(reason)).await?;
            scope.commit().await?;
        }
        Err(_) => {}
    }
    kept
}

/// Compares with what is known, and keeps what changed.
async fn keep(services: &Services, connection: &Connection, list: Vec<Box<RawValue>>) -> Result<Refreshed, Trouble> {
    // Definitions are as large and as many as the upstream likes.
    let listed = spawn_blocking(move || compare::read(&list)).await.map_err(Error::internal)?;
    let mut scope = OrgScope::system(&services.db.upkeep, connection.org, Reason::Upkeep).await?;
    reviewed::list_unlisted(&mut scope, connection.id).await?;
    scope.commit().await?;
    let mut scope = OrgScope::system(&services.db.upkeep, connection.org, Reason::Upkeep).await?;
    let known = db::tool::known(&mut scope, connection.id).await?;
    let doubtful = compare::doubtful(&known, &listed);
    let texts = db::tool::definitions(&mut scope, &doubtful).await?;
    drop(scope);
    let compared = spawn_blocking(move || compare::compare(known, listed, &texts)).await;
    let changes = compared.map_err(Error::internal)?.map_err(Trouble::Upstream)?;

    let now = services.clock.now();
    let mut scope = OrgScope::system(&services.db.upkeep, connection.org, Reason::Upkeep).await?;
    if db::connection::hold(&mut scope, connection.id).await? != Some(connection.version) {
        let message =
            format!("the connection `{}` was changed while its tools were listed; try again", connection.slug);
        return Err(Error::conflict("connection_changed", message).into());
    }
    db::connection::note_status(&mut scope, connection.id, now, None).await?;
    let says_else = instructions::note(services, &mut scope, connection).await?;
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
    if !changed.is_empty() {
        db::connection::note_changed(&mut scope, connection.id, now).await?;
    }
    let news = !(added.is_empty() && changed.is_empty() && gone.is_empty());
    if news {
        let request = (connection.slug.as_str(), &changes.report);
        change::record(services, &mut scope, None, "refresh_tools", &request, None::<&()>, &About::default()).await?;
    }
    scope.commit().await?;
    if news || !changes.seen_again.is_empty() || !changes.gone.is_empty() {
        services.directory.refresh().await?;
    }
    if says_else {
        services.directory.refresh().await?;
    }
    Ok(changes.report)
}
