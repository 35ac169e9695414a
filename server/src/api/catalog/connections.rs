//! `/orgs/{org}/connections`, with what they offer.

use std::sync::Arc;

use api_types::{
    Connection, ConnectionDetail, ConnectionInstructions, ConnectionKind, ConnectionLogs, ConnectionStatus,
    CreateConnection, ImportConnections, Imported, List, Refreshed, ReviewInstructions, ReviewTool, ReviewedDefinition,
    TestConnection, TestedConnection, Tool, UpdateConnection,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::UserId;
use serde_json::value::RawValue;

use crate::{
    api::support::{
        authorize::{Allowed, ReadConnections, WriteConnections},
        body::{Body, Commented},
        consent::Consent,
        page::{Page, Query, page},
        tagged::{IfMatch, Tagged},
    },
    db::{self, OrgScope},
    directory::Emails,
    error::{Error, Result},
    service::{Services, access::OrgAccess, catalog::connection},
    upstream::State as UpstreamState,
};

/// How many tools a connection's answer has.
const FIRST_TOOLS: i64 = 50;
/// How many lines of its log.
const LAST_LINES: usize = 20;

/// Lists the org's connections by slug.
#[utoipa::path(
    get,
    path = "/orgs/{org}/connections",
    tag = "connections",
    params(Page),
    responses((status = OK, body = List<Connection>)),
    security(("bearer" = ["connections:read"])),
)]
pub async fn list_connections(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Query(query): Query<Page>,
) -> Result<Json<List<Connection>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::connection::list(&mut scope, after.as_deref(), limit + 1).await?;
    let shown = page(rows, limit, |row| row.slug.clone(), |row| shown(&services, &access.0, row));
    let items = shown.items.into_iter().collect::<Result<_>>()?;
    Ok(Json(List { items, next_cursor: shown.next_cursor }))
}

/// Makes a connection.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections",
    tag = "connections",
    request_body = CreateConnection,
    responses((status = CREATED, body = Connection), (status = CONFLICT, description = "`connection_exists`")),
    security(("bearer" = ["connections:write"])),
)]
pub async fn create_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Body(new): Body<CreateConnection>,
) -> Result<Tagged<Connection>> {
    let row = connection::create(&services, &access.0, &new).await?;
    Ok(Tagged::created(shown(&services, &access.0, row)?))
}

/// Makes connections of the servers in another program's configuration.
///
/// A server whose name is taken, or that cannot be a connection, is skipped and keeps none of the others back. Programs are
/// for administrators of the instance and skipped for everybody else.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections/import",
    tag = "connections",
    request_body = ImportConnections,
    responses((status = OK, body = Imported)),
    security(("bearer" = ["connections:write"])),
)]
pub async fn import_connections(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Commented(new): Commented<ImportConnections>,
) -> Result<Json<Imported>> {
    Ok(Json(connection::import(&services, &access.0, &new).await?))
}

/// Tries a connection before it is made: lists its upstream's tools, and keeps nothing.
///
/// An upstream that does not answer is no error: `ok` is `false`, and `detail` and `logs` say why. It is on record as
/// `test_connection`.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connection-tests",
    tag = "connections",
    request_body = TestConnection,
    responses((status = OK, body = TestedConnection), (status = TOO_MANY_REQUESTS, description = "`too_many_tests`")),
    security(("bearer" = ["connections:write"])),
)]
pub async fn test_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Body(new): Body<TestConnection>,
) -> Result<Json<TestedConnection>> {
    Ok(Json(connection::test(&services, &access.0, &new).await?))
}

/// Tries a connection as it is configured, in a session of its own.
///
/// As with one that is tried before it is made, an upstream that does not answer is no error.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections/{slug}/test",
    tag = "connections",
    responses(
        (status = OK, body = TestedConnection),
        (status = CONFLICT, description = "`connection_disabled`"),
        (status = TOO_MANY_REQUESTS, description = "`too_many_tests`"),
    ),
    security(("bearer" = ["connections:write"])),
)]
pub async fn test_saved_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<TestedConnection>> {
    Ok(Json(connection::test_saved(&services, &access.0, &slug).await?))
}

/// One connection, with its first tools and the end of its log.
#[utoipa::path(
    get,
    path = "/orgs/{org}/connections/{slug}",
    tag = "connections",
    responses((status = OK, body = ConnectionDetail)),
    security(("bearer" = ["connections:read"])),
)]
pub async fn get_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Tagged<ConnectionDetail>> {
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let row = db::connection::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    let tools = db::tool::list(&mut scope, row.id, None, FIRST_TOOLS + 1).await?;
    drop(scope);
    let tools = tools_page(&services, tools, FIRST_TOOLS).await?;
    let mut logs = services.upstreams.logs(row.id.0, access.0.actor.instance_admin);
    logs.drain(..logs.len().saturating_sub(LAST_LINES));
    let connection = shown(&services, &access.0, row)?;
    Ok(Tagged::ok(ConnectionDetail {
        has_session: services.upstreams.has_session(connection.id),
        tools: tools.items,
        more_tools: tools.next_cursor.is_some(),
        logs,
        connection,
    }))
}

/// Changes a connection.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/connections/{slug}",
    tag = "connections",
    request_body = UpdateConnection,
    responses((status = OK, body = Connection)),
    security(("bearer" = ["connections:write"])),
)]
pub async fn update_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<UpdateConnection>,
) -> Result<Tagged<Connection>> {
    let row = connection::update(&services, &access.0, &slug, &to, &seen).await?;
    Ok(Tagged::ok(shown(&services, &access.0, row)?))
}

/// Deletes a connection, its tools and, with `force`, what toolkits expose of them.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/connections/{slug}",
    tag = "connections",
    params(Consent),
    responses(
        (status = NO_CONTENT),
        (
            status = CONFLICT,
            description = "`tools_in_use`: toolkits expose its tools, which `affected` names; `approval_unsettled`"
        ),
    ),
    security(("bearer" = ["connections:write"])),
)]
pub async fn delete_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Query(Consent { force }): Query<Consent>,
) -> Result<StatusCode> {
    connection::delete(&services, &access.0, &slug, &seen, force).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the upstream's tools again, now.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections/{slug}/refresh",
    tag = "connections",
    responses(
        (status = OK, body = Refreshed),
        (status = CONFLICT, description = "`upstream_failed`, `connection_disabled`, `connection_changed`"),
    ),
    security(("bearer" = ["connections:write"])),
)]
pub async fn refresh_connection(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<Refreshed>> {
    let connection = connection::get(&access.0, &slug)?;
    Ok(Json(connection::refresh_tools(&services, connection).await?))
}

/// The last lines of the connection's log on this replica. Instance administrators also see to which addresses a
/// name resolved that could not be reached.
#[utoipa::path(
    get,
    path = "/orgs/{org}/connections/{slug}/logs",
    tag = "connections",
    responses((status = OK, body = ConnectionLogs)),
    security(("bearer" = ["connections:read"])),
)]
pub async fn get_connection_logs(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<ConnectionLogs>> {
    let connection = connection::get(&access.0, &slug)?;
    Ok(Json(ConnectionLogs { lines: services.upstreams.logs(connection.id.0, access.0.actor.instance_admin) }))
}

/// What the upstream says to agents beside its tools, and what of it is passed on.
#[utoipa::path(
    get,
    path = "/orgs/{org}/connections/{slug}/instructions",
    tag = "connections",
    responses((status = OK, body = ConnectionInstructions)),
    security(("bearer" = ["connections:read"])),
)]
pub async fn get_connection_instructions(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<ConnectionInstructions>> {
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let connection = db::connection::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    let row = db::instructions::find(&mut scope, connection.id).await?;
    drop(scope);
    Ok(Json(connection::shown_instructions(&services, row).await?))
}

/// Accepts what the upstream says to agents now: it is passed on.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections/{slug}/instructions/review",
    tag = "connections",
    request_body = ReviewInstructions,
    responses(
        (status = OK, body = ConnectionInstructions),
        (status = CONFLICT, description = "`instructions_changed`"),
    ),
    security(("bearer" = ["connections:write"])),
)]
pub async fn review_instructions(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug)): Path<(String, String)>,
    Body(seen): Body<ReviewInstructions>,
) -> Result<Json<ConnectionInstructions>> {
    Ok(Json(connection::accept_instructions(&services, &access.0, &slug, &seen).await?))
}

/// Lists what the connection offers, and what toolkits have that it no longer offers, by name.
///
/// A page ends early when its definitions exceed 4 MiB.
#[utoipa::path(
    get,
    path = "/orgs/{org}/connections/{slug}/tools",
    tag = "connections",
    params(Page),
    responses((status = OK, body = List<Tool>)),
    security(("bearer" = ["connections:read"])),
)]
pub async fn list_connection_tools(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Path((_, slug)): Path<(String, String)>,
    Query(query): Query<Page>,
) -> Result<Json<List<Tool>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let connection = db::connection::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    let rows = db::tool::list(&mut scope, connection.id, after.as_deref(), limit + 1).await?;
    drop(scope);
    Ok(Json(tools_page(&services, rows, limit).await?))
}

/// A page of tools that were fetched with one more than `limit`.
async fn tools_page(services: &Services, rows: Vec<db::tool::Row>, limit: i64) -> Result<List<Tool>> {
    // Of definitions that are long, fewer fit on a page.
    let full = rows.iter().map(db::tool::Row::bytes).sum::<usize>() > db::tool::PAGE_BYTES;
    let limit = if full { limit.min(rows.len() as i64 - 1).max(1) } else { limit };
    let emails = reviewers(services, &rows).await?;
    let shown = page(rows, limit, |row| row.name.clone(), |row| tool(&emails, row));
    let items = shown.items.into_iter().collect::<Result<_>>()?;
    Ok(List { items, next_cursor: shown.next_cursor })
}

/// Accepts a changed definition.
#[utoipa::path(
    post,
    path = "/orgs/{org}/connections/{slug}/tools/{tool}/review",
    tag = "connections",
    request_body = ReviewTool,
    responses((status = OK, body = Tool), (status = CONFLICT, description = "`definition_changed`")),
    security(("bearer" = ["connections:write"])),
)]
pub async fn review_tool(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug, name)): Path<(String, String, String)>,
    Body(seen): Body<ReviewTool>,
) -> Result<Json<Tool>> {
    let row = connection::review(&services, &access.0, &slug, &name, &seen).await?;
    let emails = reviewers(&services, std::slice::from_ref(&row)).await?;
    Ok(Json(tool(&emails, row)?))
}

/// Takes a reviewed definition off a tool's list.
///
/// Calls of the tool are held while the upstream defines it so, until somebody reviews that again.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/connections/{slug}/tools/{tool}/reviewed/{sha256}",
    tag = "connections",
    responses((status = NO_CONTENT), (status = CONFLICT, description = "`definitions_trusted`")),
    security(("bearer" = ["connections:write"])),
)]
pub async fn delete_reviewed_definition(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug, name, sha256)): Path<(String, String, String, String)>,
) -> Result<StatusCode> {
    connection::remove_reviewed(&services, &access.0, &slug, &name, &sha256).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(services: &Services, access: &OrgAccess, row: db::connection::Row) -> Result<Connection> {
    let config = connection::Config::open(&services.sealer, row.id, &row.kind, &row.config_sealed);
    // A connection that cannot be opened must still be seen, to be mended or deleted.
    let config = config.inspect_err(Error::log).ok().map(|config| config.shown_as(connection::view(access)));
    let here = services.upstreams.status(row.id.0);
    let status = match here.as_ref().map(|here| here.state) {
        _ if !row.enabled => ConnectionStatus::Disabled,
        None => ConnectionStatus::Idle,
        Some(UpstreamState::Connecting) => ConnectionStatus::Connecting,
        Some(UpstreamState::Connected) => ConnectionStatus::Connected,
        Some(UpstreamState::Disconnected) => ConnectionStatus::Disconnected,
        Some(UpstreamState::Error) => ConnectionStatus::Error,
    };
    let kind = connection::kind(&row)?;
    let warning = services.upstreams.children().warning().filter(|_| kind == ConnectionKind::Stdio);
    let restless = connection::restless(&row, services.clock.now());
    let unusable = connection::unusable(&row);
    let known = access.org.connections.get(&row.id);
    let unreviewed = known.is_some_and(|known| known.instructions_changed).then(|| {
        "what its upstream says to agents (instructions) has changed; they get what was reviewed before until a person \
         accepts the new text (POST …/instructions/review)"
            .to_owned()
    });
    let warnings: Vec<_> =
        warning.map(str::to_owned).into_iter().chain(restless).chain(unusable).chain(unreviewed).collect();
    Ok(Connection {
        etag: connection::etag(&row),
        kind,
        id: row.id.0,
        slug: row.slug,
        config,
        version: row.version,
        enabled: row.enabled,
        connect_timeout_ms: row.connect_timeout_ms,
        call_timeout_ms: row.call_timeout_ms,
        status,
        since: here.as_ref().filter(|_| row.enabled).map(|here| here.since),
        next_attempt_at: here.as_ref().filter(|_| row.enabled).and_then(|here| here.next_attempt_at),
        last_seen_at: row.last_seen_at.max(here.as_ref().and_then(|here| here.last_seen_at)),
        last_error: here.and_then(|here| here.last_error).or(row.last_error),
        last_error_at: row.last_error_at,
        warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        unusable: row.unusable.map(|unusable| unusable.0).unwrap_or_default(),
        trust_definitions: row.trust_definitions,
        created_at: row.created_at,
    })
}

/// The e-mails of those who reviewed the definitions of these tools.
pub(in crate::api) async fn reviewers(services: &Services, rows: &[db::tool::Row]) -> Result<Emails> {
    let mut people = Vec::new();
    for row in rows {
        people.extend(connection::listed(row)?.iter().filter_map(|reviewed| reviewed.by).map(UserId));
    }
    services.directory.emails(people).await
}

fn tool(emails: &Emails, row: db::tool::Row) -> Result<Tool> {
    let raw = |json: String| RawValue::from_string(json).map_err(Error::internal);
    let listed = connection::listed(&row)?.into_owned();
    let changed = connection::is_changed(&row, &listed)?;
    let differs = changed && row.reviewed_sha256 != db::reviewed::NONE;
    let reviewed = reviewed(emails, listed);
    Ok(Tool {
        id: row.id.0,
        name: row.name,
        definition: raw(row.seen_definition)?,
        definition_sha256: hex::encode(row.seen_sha256),
        seen_at: row.seen_at,
        definition_changed: changed,
        reviewed,
        reviewed_definition: if differs { Some(raw(row.reviewed_definition)?) } else { None },
        reviewed_at: row.reviewed_at,
        offered: row.offered,
        arguments_check: row.arguments_check,
        check_note: row.check_note,
    })
}

/// Reviewed definitions as people read them, the last reviewed one first. `listed` has it last.
pub(in crate::api) fn reviewed(emails: &Emails, listed: Vec<db::reviewed::Reviewed>) -> Vec<ReviewedDefinition> {
    let shown = listed.into_iter().rev().map(|reviewed| ReviewedDefinition {
        sha256: reviewed.sha256,
        at: reviewed.at,
        by: reviewed.by,
        by_email: reviewed.by.and_then(|by| emails.of(by.into())),
    });
    shown.collect()
}
