//! Listing an upstream's tools again and keeping what changed. What did not change is not touched:
//! every change of a tool is a change of its org, which each replica reads again.

use api_types::{Refreshed, UnusableTool};
use domain::directory::Connection;
use serde_json::value::RawValue;
use tokio::{task::spawn_blocking, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{compare, entry::UsedConnection, instructions, listing::Trouble, open::spec, reviewed};
use crate::{
    db::{self, OrgScope, Reason},
    error::{Error, Result},
    service::{
        Base, Catalog,
        change::{self, About},
    },
};

/// Lists the upstream's tools now, in a session that is opened for it, and keeps what changed: a new tool counts as
/// reviewed, a changed
/// definition is held until it is reviewed, a tool no longer listed is no longer offered. Who asks while others wait, gets
/// what the list brought that was begun after they asked. A list that is under way already is given up; calls are not.
///
/// # Errors
/// `upstream_failed` (409) when the upstream does not list its tools, saying why; when the
/// connection is switched off or was changed meanwhile; when Postgres cannot be reached.
pub async fn refresh_tools(services: &Catalog, connection: &Connection) -> Result<Refreshed> {
    if !connection.enabled {
        let message = format!("the connection `{}` is switched off", connection.slug);
        return Err(Error::conflict("connection_disabled", message));
    }
    let asked = Instant::now();
    let entry = services.connections.entry(connection.id, connection.org);
    let mut by_hand = entry.by_hand.lock().await;
    let made = by_hand.made_since(asked, connection.version);
    let answer = match made {
        Some(made) => made,
        None => {
            tokio::time::sleep(by_hand.pause(services.clock.elapsed())).await;
            let began = Instant::now();
            let answer = match list_anew(services, connection, &entry).await {
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

async fn list_anew(services: &Catalog, connection: &Connection, entry: &UsedConnection) -> Result<Refreshed, Trouble> {
    let mut news = entry.listing.news();
    let asked = services.clock.elapsed();
    entry.listing.give_up();
    // Calls under way finish on the session that they have.
    services.upstreams.renew(connection.id.0);
    services.connections.want(connection.id);
    loop {
        let made = tokio::select! {
            made = news.next() => made,
            () = services.stop.cancelled() => None,
        };
        let Some(made) = made else { return Err(Trouble::Upstream("the gateway is stopping".to_owned())) };
        if made.began >= asked {
            return made.outcome.clone();
        }
    }
}

/// Whether a list brought anything that was not known.
pub(super) fn has_news(refreshed: &Refreshed) -> bool {
    let Refreshed { added, changed, gone, .. } = refreshed;
    !(added.is_empty() && changed.is_empty() && gone.is_empty())
}

/// Lists the tools and keeps what changed. None: it was given up while the upstream was asked.
pub(super) async fn list_and_keep(
    services: &Catalog,
    connection: &Connection,
    entry: &UsedConnection,
    end: &CancellationToken,
) -> Option<Result<Refreshed, Trouble>> {
    let asked = services.clock.elapsed();
    let spec = match spec(services, connection) {
        Ok(spec) => spec,
        Err(error) => return Some(Err(error.into())),
    };
    let listed = end.run_until_cancelled(services.upstreams.list_tools(&spec)).await?;
    let _one_at_a_time = entry.keeping.lock().await;
    let kept = match listed {
        Ok(list) => keep(services, connection, list).await,
        Err(error) => Err(Trouble::Upstream(error.reason().to_owned())),
    };
    match &kept {
        Ok(_) => entry.listed(asked, connection.version),
        Err(Trouble::Upstream(reason)) if entry.note_error(services.clock.elapsed()) => {
            if let Err(error) = note(services, connection, reason).await {
                return Some(Err(error.into()));
            }
        }
        Err(_) => {}
    }
    Some(kept)
}

/// Writes down why the upstream failed.
async fn note(services: &Base, connection: &Connection, reason: &str) -> Result<()> {
    let mut scope = OrgScope::system(&services.db.upkeep, connection.org, Reason::Upkeep).await?;
    db::connection::note_status(&mut scope, connection.id, services.clock.now(), Some(reason)).await?;
    scope.commit().await
}

/// Compares with what is known, and keeps what changed.
async fn keep(services: &Catalog, connection: &Connection, list: Vec<Box<RawValue>>) -> Result<Refreshed, Trouble> {
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
    let told = db::connection::note_unusable(&mut scope, connection.id, &changes.report.unusable).await?;
    if !changes.report.changed.is_empty() {
        db::connection::note_changed(&mut scope, connection.id, now).await?;
    }
    let news = has_news(&changes.report);
    if news {
        let request = (connection.slug.as_str(), &changes.report);
        change::record(services, &mut scope, None, "refresh_tools", &request, None::<&()>, &About::default()).await?;
    }
    scope.commit().await?;
    if told {
        log_unusable(services, connection, &changes.report.unusable);
    }
    if news || !changes.seen_again.is_empty() || !changes.gone.is_empty() {
        services.directory.refresh().await?;
    }
    if says_else {
        services.directory.refresh().await?;
    }
    Ok(changes.report)
}

/// Says in the logs which entries of a list cannot be used: once, not with each list.
fn log_unusable(services: &Catalog, connection: &Connection, unusable: &[UnusableTool]) {
    for UnusableTool { index, problem } in unusable {
        tracing::warn!(connection.id = %connection.id, connection.slug = %connection.slug, index, problem, "unusable tool listed");
        services
            .upstreams
            .note(connection.id.0, &format!("entry {index} of the list of tools cannot be used: {problem}"));
    }
}
