//! `/orgs/{org}/audit`.

use std::sync::Arc;

use api_types::{AuditRecord, AuditRecordDetail, List};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use domain::{ApprovalId, AuditId, Right};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    authorize::{Allowed, ReadAudit},
    page::{Page, Query, page},
};
use crate::{
    db::{
        OrgScope,
        audit::{Filter, Row, list},
    },
    error::{Error, Result},
    service::Services,
};

/// The filters of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what began at this time or later.
    from: Option<DateTime<Utc>>,
    /// Only what began before this time.
    to: Option<DateTime<Utc>>,
    /// Only what this actor did: an id, or the name, whole.
    actor: Option<String>,
    /// Only what belongs to the toolkit with this slug.
    toolkit: Option<String>,
    /// Only what belongs to the tool with this name.
    tool: Option<String>,
    /// Only what ended so.
    #[param(value_type = Option<api_types::words::AuditStatus>)]
    status: Option<String>,
    /// Only what belongs to this approval.
    approval: Option<Uuid>,
    /// Only what has this text in it: in the action, the tool, the request id, or in bodies for who may see them.
    q: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    page: Page,
}

/// Lists records, newest first.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit",
    tag = "audit",
    params(AuditQuery, Page),
    responses((status = OK, body = List<AuditRecord>)),
    security(("bearer" = ["audit:read"])),
)]
pub async fn list_audit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<List<AuditRecord>>> {
    let limit = query.page.limit()?;
    let filter = Filter {
        id: None,
        from: query.from,
        to: query.to,
        actor: query.actor,
        toolkit: query.toolkit,
        tool: query.tool,
        status: query.status,
        approval: query.approval.map(ApprovalId),
        q: query.q.filter(|q| !q.is_empty()),
        before: query.page.after()?,
        limit: limit + 1,
        bodies: access.0.rights.has(Right::ReadAuditBodies),
    };
    let _turn = services.audit_readers.acquire().await.map_err(Error::internal)?;
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let rows = list(&mut scope, &filter).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), record)))
}

/// One record.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit/{id}",
    tag = "audit",
    responses((status = OK, body = AuditRecordDetail)),
    security(("bearer" = ["audit:read"])),
)]
pub async fn get_audit_record(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<AuditRecordDetail>> {
    let id: AuditId = id.parse().map_err(|_| Error::not_found())?;
    let bodies = access.0.rights.has(Right::ReadAuditBodies);
    let _turn = services.audit_readers.acquire().await.map_err(Error::internal)?;
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let filter = Filter { id: Some(id), limit: 1, bodies, ..Filter::default() };
    let row = list(&mut scope, &filter).await?.pop().ok_or_else(Error::not_found)?;
    let (request, response) = (row.request.clone(), row.response.clone());
    Ok(Json(AuditRecordDetail { record: record(row), request, response }))
}

fn record(row: Row) -> AuditRecord {
    AuditRecord {
        id: row.id,
        at: row.at,
        request_id: row.request_id,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        actor_org_id: row.actor_org_id,
        action: row.action,
        toolkit: row.toolkit,
        tool: row.tool,
        rule: row.rule,
        approval_id: row.approval_id,
        client: row.client,
        status: row.status,
        duration_us: row.duration_us,
    }
}
