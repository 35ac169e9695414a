//! Connections: made, changed, removed. Their configuration is in
//! `config`, what is shown of an upstream's address in `address` and of a program in `args`, references between arguments and
//! variables in `references`, what its log must not have in
//! `secrets`, what other programs write of their servers in `import`, what this replica keeps open in `open`, the one list of
//! tools that is under way in `listing`, what becomes of it in `refresh`, which of their definitions are reviewed in `reviewed`,
//! what of their input schemas
//! can be used in `judge`, what it says to agents in `instructions`, how it is tried before it is made in `trial`.

mod address;
mod args;
mod by_hand;
mod compare;
mod config;
mod entry;
mod import;
mod instructions;
mod judge;
mod listing;
mod open;
mod references;
mod refresh;
mod reviewed;
mod secrets;
mod trial;
mod trials;

use std::ops::RangeInclusive;

use api_types::{Affected, ConnectionKind, CreateConnection, UpdateConnection};
use domain::{ConnectionId, Right, Slug, directory::Connection};
use serde_json::{Value, json};

pub use address::View;
pub use config::Config;
pub use entry::UsedConnections;
pub use import::import;
pub use instructions::{accept as accept_instructions, shown as shown_instructions};
pub use judge::judge;
pub use open::{ensure_fresh, follow, keep_listing, spec};
pub use refresh::refresh_tools;
pub use reviewed::{is_changed, listed, remove as remove_reviewed, restless, review, unusable};
pub use trial::{test, test_saved};
pub use trials::Trials;

use super::toolkit;
use crate::{
    db::{self, OrgScope, connection::Row, toolkit_tool::Of},
    error::{Error, Result},
    service::{
        Base, Catalog,
        access::OrgAccess,
        change,
        etag::{self, IfMatch},
        label::slug,
        loosening::Changer,
    },
    upstream::ConnectionSpec,
};

/// The connection with this slug in the org.
///
/// # Errors
/// Not found.
pub fn get<'a>(access: &'a OrgAccess, slug: &str) -> Result<&'a Connection> {
    let found = access.org.connections.values().find(|connection| connection.slug.as_str() == slug);
    found.map(AsRef::as_ref).ok_or_else(Error::not_found)
}

/// How much of a connection's configuration the actor is shown. A key that may change it needs the path no more than a
/// reader does: what it sends back masked stays.
pub fn view(access: &OrgAccess) -> View {
    match access.actor.person() {
        Ok(_) if access.rights.has(Right::WriteConnections) => View::Whole,
        _ => View::Masked,
    }
}

/// Makes a connection. Nothing is connected before it is used.
///
/// # Errors
/// A wrong slug, configuration or time limit; a program asked for by somebody who does not
/// administer the instance; a slug that is taken (409).
pub async fn create(services: &Base, access: &OrgAccess, new: &CreateConnection) -> Result<Row> {
    let slug = new_slug(&new.slug)?;
    may_run_programs(access, new.kind)?;
    let config = Config::read(new.kind, &new.config, None)?;
    let id = ConnectionId::new();
    let mut scope = change::begin(services, access).await?;
    let made = db::connection::New {
        id,
        slug: slug.as_str(),
        kind: new.kind.as_str(),
        config_sealed: &config.seal(&services.sealer, id)?,
        connect_timeout_ms: connect_timeout(new.connect_timeout_ms)?.unwrap_or(default_ms(connect_default(new.kind))),
        call_timeout_ms: call_timeout(new.call_timeout_ms)?.unwrap_or(default_ms(ConnectionSpec::CALL_TIMEOUT)),
    };
    if !db::connection::insert(&mut scope, &made).await? {
        return Err(Error::conflict("connection_exists", format!("there is a connection `{slug}` already")));
    }
    let row = get_row(&mut scope, slug.as_str()).await?;
    let recorded = recorded(&row, Some(&config));
    change::commit(services, scope, &access.actor, "create_connection", &recorded, None::<&()>).await?;
    Ok(row)
}

/// The tag of what can be changed about a connection.
pub fn etag(row: &Row) -> String {
    etag::of(&(row.id.0, row.version, row.enabled, row.connect_timeout_ms, row.call_timeout_ms, row.trust_definitions))
}

/// Changes a connection. Another configuration is a new version: approvals that wait for this
/// connection no longer hold. What changes nothing is not on record.
///
/// # Errors
/// Not found; as [`create`]; `person_required` for a key that configures a connection anew, switches it on, or gives it
/// less time, whose tools somebody may call for whom the key may not loosen anything, and for every key that trusts its
/// definitions or no longer does. Anybody who may change connections may switch a program
/// off. `changed_since` (412).
pub async fn update(
    services: &Catalog,
    access: &OrgAccess,
    slug: &str,
    to: &UpdateConnection,
    seen: &IfMatch,
) -> Result<Row> {
    let connect_timeout_ms = connect_timeout(to.connect_timeout_ms)?;
    let call_timeout_ms = call_timeout(to.call_timeout_ms)?;
    to.config.as_ref().map_or(Ok(()), Config::check_change)?;
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let (before, kind) = lock(&mut scope, slug).await?;
    seen.check(&etag(&before))?;
    let only_switches_off_or_trusts = (to.enabled == Some(false) || to.trust_definitions.is_some())
        && to.enabled != Some(true)
        && to.config.is_none()
        && to.connect_timeout_ms.is_none()
        && to.call_timeout_ms.is_none();
    if !only_switches_off_or_trusts {
        may_run_programs(access, kind)?;
    }
    let trust_definitions = to.trust_definitions.unwrap_or(before.trust_definitions);
    if trust_definitions != before.trust_definitions {
        changer.may_trust(&before.slug)?;
    }
    let config = match &to.config {
        Some(config) => {
            let old = Config::open(&services.sealer, before.id, &before.kind, &before.config_sealed)?;
            let config = old.merged(config)?;
            Some(Config::read(kind, &config, Some(&old))?).filter(|new| *new != old)
        }
        None => None,
    };
    let connect_timeout_ms = connect_timeout_ms.unwrap_or(before.connect_timeout_ms);
    let call_timeout_ms = call_timeout_ms.unwrap_or(before.call_timeout_ms);
    let less_time = connect_timeout_ms < before.connect_timeout_ms || call_timeout_ms < before.call_timeout_ms;
    if config.is_some() || less_time || (to.enabled == Some(true) && !before.enabled) {
        changer.may_redirect(&mut scope, &before).await?;
    }
    let sealed = config.as_ref().map(|config| config.seal(&services.sealer, before.id)).transpose()?;
    let change = db::connection::Change {
        config_sealed: sealed.as_deref(),
        enabled: to.enabled.unwrap_or(before.enabled),
        connect_timeout_ms,
        call_timeout_ms,
        trust_definitions,
    };
    db::connection::update(&mut scope, before.id, &change).await?;
    let row = get_row(&mut scope, slug).await?;
    if etag(&row) == etag(&before) {
        return Ok(row);
    }
    let recorded = recorded(&row, config.as_ref());
    change::commit(services, scope, &access.actor, "update_connection", &recorded, None::<&()>).await?;
    if !row.enabled || row.version != before.version {
        services.upstreams.forget(row.id.0).await;
    }
    Ok(row)
}

/// Deletes a connection, its tools and, with `force`, what toolkits expose of them.
///
/// # Errors
/// Not found; `changed_since` (412); a call through it that is under way or whose outcome is not known (409);
/// `tools_in_use` (409) without `force` where toolkits expose its tools; `person_required` for a key where one of its tools
/// stands in a toolkit.
pub async fn delete(services: &Catalog, access: &OrgAccess, slug: &str, seen: &IfMatch, force: bool) -> Result<()> {
    let mut scope = change::begin(services, access).await?;
    let changer = Changer::of(&mut scope, access).await?;
    let (row, _) = lock(&mut scope, slug).await?;
    seen.check(&etag(&row))?;
    changer.may_remove(&mut scope, Of::Connection(row.id)).await?;
    toolkit::settled(&mut scope, Of::Connection(row.id)).await?;
    if !force {
        unused(&mut scope, &row).await?;
    }
    db::connection::delete(&mut scope, row.id).await?;
    change::commit(services, scope, &access.actor, "delete_connection", &slug, None::<&()>).await?;
    services.upstreams.forget(row.id.0).await;
    Ok(())
}

/// Fails while toolkits expose tools of the connection.
async fn unused(scope: &mut OrgScope, row: &Row) -> Result<()> {
    let exposed = db::toolkit_tool::standing(scope, Some(Of::Connection(row.id))).await?;
    let tools = match exposed.len() {
        0 => return Ok(()),
        1 => "1 tool".to_owned(),
        several => format!("{several} tools"),
    };
    let affected = exposed.into_iter().map(|tool| Affected {
        kind: "toolkit_tool".to_owned(),
        name: format!("{}/{}", tool.toolkit, tool.name),
        effect: "is taken out of the toolkit".to_owned(),
    });
    let message = format!("deleting the connection `{}` takes {tools} out of toolkits", row.slug);
    Err(Error::needs_consent("tools_in_use", message, affected))
}

/// A slug that a connection may have: `import` is what is asked for to import some.
fn new_slug(text: &str) -> Result<Slug> {
    match slug(text)? {
        slug if slug.as_str() == "import" => {
            Err(Error::invalid("slug", "is `import`, which is a path of its own; use another name"))
        }
        slug => Ok(slug),
    }
}

async fn get_row(scope: &mut OrgScope, slug: &str) -> Result<Row> {
    db::connection::find(scope, slug).await?.ok_or_else(Error::not_found)
}

async fn lock(scope: &mut OrgScope, slug: &str) -> Result<(Row, ConnectionKind)> {
    db::connection::lock(scope, slug).await?.ok_or_else(Error::not_found)?;
    let row = get_row(scope, slug).await?;
    let kind = kind(&row)?;
    Ok((row, kind))
}

/// The kind of a connection.
///
/// # Errors
/// When it is one that a newer version knows.
pub fn kind(row: &Row) -> Result<ConnectionKind> {
    match row.kind.as_str() {
        "streamable_http" => Ok(ConnectionKind::StreamableHttp),
        "stdio" => Ok(ConnectionKind::Stdio),
        other => Err(Error::internal(format!("connections {}: unknown kind {other}", row.id))),
    }
}

/// A program would run on the gateway's machine, beside every other org's.
fn may_run_programs(access: &OrgAccess, kind: ConnectionKind) -> Result<()> {
    if kind == ConnectionKind::Stdio && !access.actor.instance_admin {
        return Err(Error::forbidden(
            "a stdio connection is a program that runs on the gateway's machine: only an administrator of the \
             instance, signed in as a person, may set one up or change it",
        ));
    }
    Ok(())
}

/// What the record says: the configuration as it is shown, since header names and the like do not
/// tell the redaction which values are secret.
fn recorded(row: &Row, config: Option<&Config>) -> Value {
    json!({
        "slug": row.slug,
        "kind": row.kind,
        "version": row.version,
        "config": config.map(Config::shown),
        "enabled": row.enabled,
        "connect_timeout_ms": row.connect_timeout_ms,
        "call_timeout_ms": row.call_timeout_ms,
        "trust_definitions": row.trust_definitions,
    })
}

fn connect_timeout(millis: Option<i32>) -> Result<Option<i32>> {
    bounded("connect_timeout_ms", millis, 1_000..=300_000)
}

fn call_timeout(millis: Option<i32>) -> Result<Option<i32>> {
    bounded("call_timeout_ms", millis, 100..=3_600_000)
}

fn bounded(field: &str, millis: Option<i32>, bounds: RangeInclusive<i32>) -> Result<Option<i32>> {
    match millis {
        Some(millis) if !bounds.contains(&millis) => {
            Err(Error::invalid(field, format!("must be {} to {} milliseconds", bounds.start(), bounds.end())))
        }
        millis => Ok(millis),
    }
}

/// What `connect_timeout_ms` is unless somebody says otherwise.
fn connect_default(kind: ConnectionKind) -> std::time::Duration {
    match kind {
        ConnectionKind::StreamableHttp => ConnectionSpec::CONNECT_TIMEOUT,
        ConnectionKind::Stdio => ConnectionSpec::START_TIMEOUT,
    }
}

fn default_ms(time: std::time::Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}
