//! `/orgs/{org}/audit`.

pub mod histogram;

use std::{collections::HashMap, sync::Arc, time::Duration};

use api_types::{AuditRecord, AuditRecordDetail, AuditRecords, List};
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
        OrgScope, Reason, approval,
        audit::{
            Bodies, Filter, INTERRUPTED, Row, Status, list,
            tally::{COUNTED, count},
        },
    },
    error::{Error, Result},
    service::{Services, approval::card::IN_A_LINE, summary::values::recorded},
};

/// How long a read waits for those before it: who asks gives up sooner than they end.
const TURN: Duration = Duration::from_secs(5);

/// Waits for the turn to read the audit, where text in it is searched for too.
pub(super) async fn turn(services: &Services) -> Result<SemaphorePermit<'_>> {
    let turn = tokio::time::timeout(TURN, services.views.audit_readers.acquire()).await;
    let turn = turn.map_err(|_| Error::unavailable("too many searches of the audit are under way; try again"))?;
    turn.map_err(Error::internal)
}

/// What is asked for, in a list, a histogram and an export alike. All that is given must hold.
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
    /// Only what ended in one of these ways, separated by commas: `error,refused`.
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
            status: parameters.text("status")?.map(statuses).transpose()?,
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

fn statuses(words: String) -> Result<String> {
    let known = || Status::ALL.into_iter().map(Status::as_str).chain([INTERRUPTED]);
    if words.split(',').all(|word| known().any(|known| known == word)) {
        return Ok(words);
    }
    let known = known().collect::<Vec<_>>().join("`, `");
    Err(Error::invalid("status", format!("must be some of `{known}`, separated by commas")))
}

impl AuditFilters {
    /// As the database takes them. With `in_bodies`, `q` is searched for in requests and responses too.
    pub(super) fn filter(self, in_bodies: bool) -> Filter {
        Filter {
            from: self.from,
            to: self.to,
            actor: self.actor,
            action: self.action,
            toolkit: self.toolkit,
            tool: self.tool,
            status: self.status.map(|words| words.split(',').map(str::to_owned).collect()),
            approval: self.approval.map(ApprovalId),
            q: self.q,
            in_bodies,
            ..Filter::default()
        }
    }
}

/// The query of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    #[param(ignore)]
    filters: AuditFilters,
    /// Whether to count all that there are, up to 10,000.
    #[param(value_type = Option<bool>, default = false)]
    count: bool,
    #[param(ignore)]
    page: Page,
}

impl FromQuery for AuditQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        let filters = AuditFilters::take(parameters)?;
        Ok(Self { filters, count: parameters.flag("count")?, page: Page::take(parameters)? })
    }
}

/// Lists records, newest first.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit",
    tag = "audit",
    params(AuditFilters, AuditQuery, Page),
    responses((status = OK, body = AuditRecords)),
    security(("bearer" = ["audit:read"])),
)]
pub async fn list_audit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<AuditRecords>> {
    let limit = query.page.limit()?;
    let before = query.page.after()?;
    let bodies = access.0.rights.has(Right::ReadAuditBodies);
    let read = if bodies { Bodies::Calls(IN_A_LINE) } else { Bodies::None };
    let filter = Filter { before, limit: limit + 1, read, ..query.filters.filter(bodies) };
    let _turn = turn(&services).await?;
    // Who decided may be no member.
    let mut scope = OrgScope::system(&services.db.people, access.0.org.id, Reason::Callers).await?;
    let rows = list(&mut scope, &filter).await?;
    let List { items: rows, next_cursor } = page(rows, limit, |row| row.id.to_string(), |row| row);
    let deciders = deciders(&mut scope, &rows).await?;
    let items = rows.into_iter().map(|row| record(row, &deciders)).collect();
    // Last, since a count that is stopped ends the transaction.
    let (count, more) = match query.count {
        false => (None, None),
        true => match count(&mut scope, &filter).await {
            Err(error) if error.took_too_long() => (None, Some(true)),
            found => {
                let found = found?;
                (Some(found.min(COUNTED)), Some(found > COUNTED))
            }
        },
    };
    Ok(Json(AuditRecords { items, next_cursor, count, more }))
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
    let mut scope = OrgScope::system(&services.db.people, access.0.org.id, Reason::Callers).await?;
    let read = if bodies { Bodies::All } else { Bodies::None };
    let rows = list(&mut scope, &Filter { id: Some(id), limit: 1, read, ..Filter::default() }).await?;
    let deciders = deciders(&mut scope, &rows).await?;
    let row = rows.into_iter().next().ok_or_else(Error::not_found)?;
    Ok(Json(with_bodies(row, &deciders, bodies)))
}

/// The e-mails of who decided the approvals that the records belong to, by approval. `scope` was made with
/// [`Reason::Callers`].
///
/// # Errors
/// When Postgres cannot be reached.
pub(super) async fn deciders(scope: &mut OrgScope, rows: &[Row]) -> Result<HashMap<Uuid, String>> {
    let mut approvals: Vec<Uuid> = rows.iter().filter_map(|row| row.approval_id).collect();
    approvals.sort_unstable();
    approvals.dedup();
    approval::card::decided_by_emails(scope, &approvals).await
}

/// A record with what was read of its bodies; `bodies` says whether they were.
pub(super) fn with_bodies(mut row: Row, deciders: &HashMap<Uuid, String>, bodies: bool) -> AuditRecordDetail {
    let values = values(&row);
    let (request, response) = (row.request.take(), row.response.take());
    let record = AuditRecord { values, ..record(row, deciders) };
    AuditRecordDetail { record, request, response, bodies_left_out: !bodies }
}

/// Some values of a call, if its request was read and is small.
fn values(row: &Row) -> Vec<String> {
    let call = row.request.as_deref().filter(|_| row.action == "tools/call");
    let small = call.filter(|request| i32::try_from(request.len()).is_ok_and(|length| length <= IN_A_LINE));
    small.map(recorded).unwrap_or_default()
}

fn record(row: Row, deciders: &HashMap<Uuid, String>) -> AuditRecord {
    AuditRecord {
        values: values(&row),
        decided_by_email: row.approval_id.and_then(|approval| deciders.get(&approval).cloned()),
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
    }
}
