//! `/orgs/{org}/audit`.

use std::{sync::Arc, time::Duration};

use api_types::{AuditRecord, AuditRecordDetail, List};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use domain::{ApprovalId, AuditId, Right};
use serde::Serialize;
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use crate::{
    api::support::{
        authorize::{Allowed, ReadAudit},
        page::{FromQuery, Page, Parameters, Query, page},
    },
    db::{
        OrgScope,
        audit::{Filter, INTERRUPTED, Row, Status, list},
    },
    error::{Error, Result},
    service::Services,
};

/// How long a read waits for those before it: who asks gives up sooner than they end.
const TURN: Duration = Duration::from_secs(5);

/// Waits for the turn to read the audit, where text in it is searched for too.
pub(super) async fn turn(services: &Services) -> Result<SemaphorePermit<'_>> {
    let turn = tokio::time::timeout(TURN, services.views.audit_readers.acquire()).await;
    let turn = turn.map_err(|_| Error::unavailable("too many searches of the audit are under way; try again"))?;
    turn.map_err(Error::internal)
}

/// What is asked for, in a list and in an export alike. All that is given must hold.
#[derive(Clone, Debug, Serialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilters {
    /// Only what began at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<DateTime<Utc>>,
    /// Only what began before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<DateTime<Utc>>,
    /// Only what this actor did: an id, or the name, whole.
    #[param(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<String>,
    /// Only this MCP method or REST operation.
    #[param(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    /// Only what belongs to the toolkit with this slug.
    #[param(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    toolkit: Option<String>,
    /// Only what belongs to the tool with this name.
    #[param(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// Only what ended so.
    #[param(value_type = Option<api_types::words::AuditStatus>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// Only what belongs to this approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Uuid>,
    /// Only what has this text in it: in the action, the tool, the request id, or in bodies for who may see them. Upper and
    /// lower case are the same, and so is how JSON spells a character (`Zoë`, `Zo\u00eb`).
    #[param(min_length = 1, max_length = 500)]
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<String>,
}

impl FromQuery for AuditFilters {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        let filters = Self {
            from: parameters.time("from")?,
            to: parameters.time("to")?,
            actor: parameters.text("actor")?,
            action: parameters.text("action")?,
            toolkit: parameters.text("toolkit")?,
            tool: parameters.text("tool")?,
            status: parameters.text("status")?.map(status).transpose()?,
            approval: parameters.value("approval", "must be the id of an approval")?,
            q: parameters.text("q")?,
        };
        if let (Some(from), Some(to)) = (filters.from, filters.to)
            && from > to
        {
            return Err(Error::invalid("to", "must not be before `from`"));
        }
        Ok(filters)
    }
}

fn status(word: String) -> Result<String> {
    let known = || Status::ALL.into_iter().map(Status::as_str).chain([INTERRUPTED]);
    if known().any(|known| known == word) {
        return Ok(word);
    }
    let known = known().collect::<Vec<_>>().join("`, `");
    Err(Error::invalid("status", format!("must be one of `{known}`")))
}

impl AuditFilters {
    /// As the database takes them. With `bodies`, `q` searches in them too.
    pub(super) fn filter(self, bodies: bool) -> Filter {
        Filter {
            from: self.from,
            to: self.to,
            actor: self.actor,
            action: self.action,
            toolkit: self.toolkit,
            tool: self.tool,
            status: self.status,
            approval: self.approval.map(ApprovalId),
            q: self.q,
            bodies,
            ..Filter::default()
        }
    }
}

/// The query of the list.
#[derive(Debug)]
pub struct AuditQuery {
    filters: AuditFilters,
    page: Page,
}

impl FromQuery for AuditQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self { filters: AuditFilters::take(parameters)?, page: Page::take(parameters)? })
    }
}

/// Lists records, newest first.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit",
    tag = "audit",
    params(AuditFilters, Page),
    responses((status = OK, body = List<AuditRecord>)),
    security(("bearer" = ["audit:read"])),
)]
pub async fn list_audit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<List<AuditRecord>>> {
    let limit = query.page.limit()?;
    let before = query.page.after()?;
    let bodies = access.0.rights.has(Right::ReadAuditBodies);
    let filter = Filter { before, limit: limit + 1, ..query.filters.filter(bodies) };
    let _turn = turn(&services).await?;
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
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
    let _turn = turn(&services).await?;
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let filter = Filter { id: Some(id), limit: 1, bodies, ..Filter::default() };
    let row = list(&mut scope, &filter).await?.pop().ok_or_else(Error::not_found)?;
    Ok(Json(with_bodies(row, bodies)))
}

/// A record with what was read of its bodies; `bodies` says whether they were.
pub(super) fn with_bodies(mut row: Row, bodies: bool) -> AuditRecordDetail {
    let (request, response) = (row.request.take(), row.response.take());
    AuditRecordDetail { record: record(row), request, response, bodies_left_out: !bodies }
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
        source: row.source,
        status: row.status,
        answer: row.answer,
        duration_us: row.duration_us,
        values: Vec::new(),
        decided_by_email: None,
    }
}
