//! `/orgs/{org}/toolkits`. Their tools are in `toolkit_tools`.

use std::sync::Arc;

use api_types::{CreateToolkit, List, Toolkit, UpdateToolkit, Visibility};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use domain::directory::Org;

use super::{
    authorize::{Allowed, ReadToolkits, WriteToolkits},
    body::Body,
    page::{Page, Query, page},
};
use crate::{
    db::{self, OrgScope},
    error::{Error, Result},
    service::{self, Services},
};

/// Lists the org's toolkits by slug.
pub async fn list_toolkits(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadToolkits>,
    Query(query): Query<Page>,
) -> Result<Json<List<Toolkit>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let rows = db::toolkit::list(&mut scope, after.as_deref(), limit + 1).await?;
    Ok(Json(page(rows, limit, |row| row.slug.clone(), |row| toolkit(&services, &access.0.org, row))))
}

/// Makes a toolkit.
pub async fn create_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Body(new): Body<CreateToolkit>,
) -> Result<(StatusCode, Json<Toolkit>)> {
    let row = service::toolkit::create(&services, &access.0, &new).await?;
    Ok((StatusCode::CREATED, Json(toolkit(&services, &access.0.org, row))))
}

/// One toolkit.
pub async fn get_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadToolkits>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<Json<Toolkit>> {
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let row = db::toolkit::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    Ok(Json(toolkit(&services, &access.0.org, row)))
}

/// Changes a toolkit.
pub async fn update_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, slug)): Path<(String, String)>,
    Body(to): Body<UpdateToolkit>,
) -> Result<Json<Toolkit>> {
    let row = service::toolkit::update(&services, &access.0, &slug, &to).await?;
    Ok(Json(toolkit(&services, &access.0.org, row)))
}

/// Deletes a toolkit with what it exposes.
pub async fn delete_toolkit(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteToolkits>,
    Path((_, slug)): Path<(String, String)>,
) -> Result<StatusCode> {
    service::toolkit::delete(&services, &access.0, &slug).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn toolkit(services: &Services, org: &Org, row: db::toolkit::Row) -> Toolkit {
    let base = services.public_url.as_str().trim_end_matches('/');
    Toolkit {
        id: row.id.0,
        mcp_url: format!("{base}/{}/{}/mcp", org.slug, row.slug),
        slug: row.slug,
        name: row.name,
        visibility: if row.visibility == "public" { Visibility::Public } else { Visibility::Private },
        approval_policy: row.approval_policy.map(|policy| policy.0),
        created_at: row.created_at,
    }
}
