//! `/orgs/{org}/toolkits`, with their tools and permissions.

use std::sync::Arc;

use api_types::{
    AddToolkitTools, AddedToolkitTools, CreateToolkit, List, PutRolePolicy, PutToolkitTool, Toolkit, ToolkitTool,
    UpdateToolkit, UpdateToolkitTool, Visibility,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::directory::Org;

use crate::{
    api::support::{
        authorize::{Allowed, ReadToolkits, WriteToolkits},
        body::Body,
        page::{Page, Query, page},
        tagged::{IfMatch, Tagged},
    },
    db::{self, OrgScope},
    error::{Error, Result},
    service::{self, Services, catalog::toolkit_tool},
};

/// Lists the org's toolkits by slug.
#[utoipa::path(
    get,
    path = "/orgs/{org}/toolkits",
    tag = "toolkits",
    params(Page),
    responses((status = OK, body = List<Toolkit>)),
    security(("bearer" = ["toolkits:read"])),
)]
pub async fn list_toolkits(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadToolkits>,
    Query(query): Query<Page>,
) -> Result<Json<List<Toolkit>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let rows = db::toolkit::list(&mut scope, after.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.slug.clone(), |row| toolkit(&services, &access.0.org, row))))
}

/// Makes a toolkit.
#[utoipa::path(
    post,
    path = "/orgs/{org}/toolkits",
    tag = "toolkits",
    request_body = CreateToolkit,
    responses((status = CREATED, body = Toolkit), (status = CONFLICT, description = "`toolkit_exists`")),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn create_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Body(new): Body<CreateToolkit>,
) -> Result<Tagged<Toolkit>> {
    let row = service::catalog::toolkit::create(&services, &access.0, &new).await?;
    Ok(Tagged::created(toolkit(&services, &access.0.org, row)))
}

/// One toolkit.
#[utoipa::path(
    get,
    path = "/orgs/{org}/toolkits/{toolkit}",
    tag = "toolkits",
    responses((status = OK, body = Toolkit)),
    security(("bearer" = ["toolkits:read"])),
)]
pub async fn get_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadToolkits>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Tagged<Toolkit>> {
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let row = db::toolkit::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    Ok(Tagged::ok(toolkit(&services, &access.0.org, row)))
}

/// Changes a toolkit.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/toolkits/{toolkit}",
    tag = "toolkits",
    request_body = UpdateToolkit,
    responses((status = OK, body = Toolkit), (status = CONFLICT, description = "`toolkit_exists`")),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn update_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, slug)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<UpdateToolkit>,
) -> Result<Tagged<Toolkit>> {
    let row = service::catalog::toolkit::update(&services, &access.0, &slug, &to, &seen).await?;
    Ok(Tagged::ok(toolkit(&services, &access.0.org, row)))
}

/// Deletes a toolkit with what it exposes.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/toolkits/{toolkit}",
    tag = "toolkits",
    responses((status = NO_CONTENT), (status = CONFLICT, description = "`approval_unsettled`")),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn delete_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, slug)): Path<(String, String)>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode> {
    service::catalog::toolkit::delete(&services, &access.0, &slug, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists a toolkit's tools by the name that agents see.
#[utoipa::path(
    get,
    path = "/orgs/{org}/toolkits/{toolkit}/tools",
    tag = "toolkits",
    params(Page),
    responses((status = OK, body = List<ToolkitTool>)),
    security(("bearer" = ["toolkits:read"])),
)]
pub async fn list_toolkit_tools(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadToolkits>,
    Path((_, toolkit)): Path<(String, String)>,
    Query(query): Query<Page>,
) -> Result<Json<List<ToolkitTool>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let toolkit = db::toolkit::find(&mut scope, &toolkit).await?.ok_or_else(Error::not_found)?;
    let rows = db::toolkit_tool::list(&mut scope, toolkit.id, None, after.as_deref(), limit + 1).await?;
    let shown = page(rows, limit, |row| row.name.clone(), tool);
    let items = shown.items.into_iter().collect::<Result<_>>()?;
    Ok(Json(List { items, next_cursor: shown.next_cursor }))
}

/// Adds many tools of one connection.
#[utoipa::path(
    post,
    path = "/orgs/{org}/toolkits/{toolkit}/tools",
    tag = "toolkits",
    request_body = AddToolkitTools,
    responses(
        (status = CREATED, body = AddedToolkitTools),
        (status = CONFLICT, description = "`toolkit_tool_exists`, `upstream_failed`"),
    ),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn add_toolkit_tools(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit)): Path<(String, String)>,
    Body(new): Body<AddToolkitTools>,
) -> Result<(StatusCode, Json<AddedToolkitTools>)> {
    let added = toolkit_tool::add(&services, &access.0, &toolkit, &new).await?;
    let items = added.rows.into_iter().map(tool).collect::<Result<_>>()?;
    Ok((StatusCode::CREATED, Json(AddedToolkitTools { items, next_cursor: None, left_out: added.left_out })))
}

/// Sets what stands under a name.
#[utoipa::path(
    put,
    path = "/orgs/{org}/toolkits/{toolkit}/tools/{name}",
    tag = "toolkits",
    request_body = PutToolkitTool,
    responses((status = OK, body = ToolkitTool), (status = CREATED, body = ToolkitTool)),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn put_toolkit_tool(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit, name)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<PutToolkitTool>,
) -> Result<Tagged<ToolkitTool>> {
    let (row, new) = toolkit_tool::put(&services, &access.0, &toolkit, &name, &to, &seen).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Tagged(status, tool(row)?))
}

/// Changes what stands under a name.
#[utoipa::path(
    patch,
    path = "/orgs/{org}/toolkits/{toolkit}/tools/{name}",
    tag = "toolkits",
    request_body = UpdateToolkitTool,
    responses((status = OK, body = ToolkitTool)),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn update_toolkit_tool(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit, name)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<UpdateToolkitTool>,
) -> Result<Tagged<ToolkitTool>> {
    let row = toolkit_tool::update(&services, &access.0, &toolkit, &name, &to, &seen).await?;
    Ok(Tagged::ok(tool(row)?))
}

/// Removes a tool from a toolkit.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/toolkits/{toolkit}/tools/{name}",
    tag = "toolkits",
    responses((status = NO_CONTENT)),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn delete_toolkit_tool(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit, name)): Path<(String, String, String)>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode> {
    toolkit_tool::delete(&services, &access.0, &toolkit, &name, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets what one role may do with a tool.
#[utoipa::path(
    put,
    path = "/orgs/{org}/toolkits/{toolkit}/tools/{name}/policies/{role}",
    tag = "toolkits",
    request_body = PutRolePolicy,
    responses((status = OK, body = ToolkitTool)),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn put_role_policy(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit, name, role)): Path<(String, String, String, String)>,
    IfMatch(seen): IfMatch,
    Body(to): Body<PutRolePolicy>,
) -> Result<Tagged<ToolkitTool>> {
    let row = toolkit_tool::put_policy(&services, &access.0, (&toolkit, &name, &role), &to, &seen).await?;
    Ok(Tagged::ok(tool(row)?))
}

/// Lets a role have the permission that everybody has again.
#[utoipa::path(
    delete,
    path = "/orgs/{org}/toolkits/{toolkit}/tools/{name}/policies/{role}",
    tag = "toolkits",
    responses((status = NO_CONTENT)),
    security(("bearer" = ["toolkits:write"])),
)]
pub async fn delete_role_policy(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, toolkit, name, role)): Path<(String, String, String, String)>,
    IfMatch(seen): IfMatch,
) -> Result<StatusCode> {
    toolkit_tool::delete_policy(&services, &access.0, (&toolkit, &name, &role), &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn toolkit(services: &Services, org: &Org, row: db::toolkit::Row) -> Toolkit {
    let base = services.public_url.as_str().trim_end_matches('/');
    Toolkit {
        etag: service::catalog::toolkit::etag(&row),
        id: row.id.0,
        mcp_url: format!("{base}/{}/{}/mcp", org.slug, row.slug),
        slug: row.slug,
        name: row.name,
        visibility: if row.visibility == "public" { Visibility::Public } else { Visibility::Private },
        approval_policy: row.approval_policy.map(|policy| policy.0),
        instructions: row.instructions,
        created_at: row.created_at,
    }
}

fn tool(row: db::toolkit_tool::Row) -> Result<ToolkitTool> {
    Ok(ToolkitTool {
        etag: toolkit_tool::etag(&row),
        id: row.id.0,
        name: row.name,
        connection: row.connection,
        tool: row.tool,
        permission: row.permission.parse().map_err(Error::internal)?,
        policies: row.policies.0,
        approval_policy: row.approval_policy.map(|policy| policy.0),
        hold_seconds: row.hold_seconds.and_then(|seconds| u8::try_from(seconds).ok()),
        definition_changed: row.definition_changed,
        offered: row.offered,
    })
}
