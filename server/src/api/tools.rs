//! `/orgs/{org}/connections/{slug}/tools`: what a connection offers, and accepting a changed
//! definition.

use std::sync::Arc;

use api_types::{List, ReviewTool, Tool};
use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::value::RawValue;

use super::{
    authorize::{Allowed, ReadConnections, WriteConnections},
    body::Body,
    page::{Page, Query, page},
};
use crate::{
    db::{self, OrgScope},
    error::{Error, Result},
    service::{Services, connection},
};

/// Lists what the connection offers or offered once, by name.
pub async fn list_tools(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadConnections>,
    Path((_, slug)): Path<(String, String)>,
    Query(query): Query<Page>,
) -> Result<Json<List<Tool>>> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let connection = db::connection::find(&mut scope, &slug).await?.ok_or_else(Error::not_found)?;
    let rows = db::tool::list(&mut scope, connection.id, after.as_deref(), limit + 1).await?;
    let shown = page(rows, limit, |row| row.name.clone(), tool);
    let items = shown.items.into_iter().collect::<Result<_>>()?;
    Ok(Json(List { items, next_cursor: shown.next_cursor }))
}

/// Accepts a changed definition.
pub async fn review_tool(
    State(services): State<Arc<Services>>,
    access: Allowed<WriteConnections>,
    Path((_, slug, name)): Path<(String, String, String)>,
    Body(seen): Body<ReviewTool>,
) -> Result<Json<Tool>> {
    Ok(Json(tool(connection::review(&services, &access.0, &slug, &name, &seen).await?)?))
}

fn tool(row: db::tool::Row) -> Result<Tool> {
    let raw = |json: String| RawValue::from_string(json).map_err(Error::internal);
    let changed = row.seen_sha256 != row.reviewed_sha256;
    Ok(Tool {
        id: row.id.0,
        name: row.name,
        definition: raw(row.seen_definition)?,
        definition_sha256: hex::encode(row.seen_sha256),
        seen_at: row.seen_at,
        definition_changed: changed,
        reviewed_definition: if changed { Some(raw(row.reviewed_definition)?) } else { None },
        reviewed_at: row.reviewed_at,
        offered: row.offered,
        schema_usable: row.schema_usable,
    })
}
