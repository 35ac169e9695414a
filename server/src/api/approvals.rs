//! `/orgs/{org}/approvals`.

use std::sync::Arc;

use api_types::{Approval, ApprovalDetail, ApprovalEvent, Approve, List, Reject, Settle, SettleOutcome, ToolHints};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::TimeDelta;
use domain::{
    ApprovalId,
    approval::{Decider, Seen, State as Life, Status, may_decide},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    authorize::{Allowed, Approver, ReadApprovals},
    body::Body,
    page::{Page, Query, page},
};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Filter, Record},
    },
    error::{Error, Result},
    service::{self, Services, access::OrgAccess, approval::Verdict},
};

/// The filters of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApprovalsQuery {
    /// Only those in this state.
    #[param(value_type = Option<Status>)]
    status: Option<String>,
    /// Only those of the toolkit with this slug.
    toolkit: Option<String>,
    /// Only those of the tool with this name, as agents see it.
    tool: Option<String>,
    /// Only those of the key or person with this id.
    caller: Option<Uuid>,
    #[serde(flatten)]
    #[param(ignore)]
    page: Page,
}

/// Lists approvals, newest first.
#[utoipa::path(
    get,
    path = "/orgs/{org}/approvals",
    tag = "approvals",
    params(ApprovalsQuery, Page),
    responses((status = OK, body = List<Approval>)),
    security(("bearer" = ["approvals:read"])),
)]
pub async fn list_approvals(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadApprovals>,
    Query(query): Query<ApprovalsQuery>,
) -> Result<Json<List<Approval>>> {
    let limit = query.page.limit()?;
    let status = query.status.map(|word| word.parse::<Status>()).transpose();
    let filter = Filter {
        status: status.map_err(|_| Error::invalid("status", "is not a state of approvals, such as `pending`"))?,
        toolkit: query.toolkit,
        tool: query.tool,
        caller: query.caller,
        before: query.page.after()?,
        limit: limit + 1,
    };
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let rows = db::approval::list(&mut scope, &filter).await?;
    Ok(Json(page(rows, limit, |row| row.id.to_string(), |row| approval(&row))))
}

/// One approval: what would run, why it is held, what happened, what was like it.
#[utoipa::path(
    get,
    path = "/orgs/{org}/approvals/{id}",
    tag = "approvals",
    responses((status = OK, body = ApprovalDetail)),
    security(("bearer" = ["approvals:read"])),
)]
pub async fn get_approval(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadApprovals>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<ApprovalDetail>> {
    let id = parse_id(&id)?;
    let mut scope = OrgScope::begin(&services.db, access.0.org.id).await?;
    let record = db::approval::get(&mut scope, id).await?.ok_or_else(Error::not_found)?;
    drop(scope);
    detail(&services, &access.0, record).await.map(Json)
}

/// Approves, on what was seen.
#[utoipa::path(
    post,
    path = "/orgs/{org}/approvals/{id}/approve",
    tag = "approvals",
    request_body = Approve,
    responses(
        (status = OK, body = Approval),
        (status = CONFLICT, description = "`not_open`, `stale_view`, `invalidated`"),
    ),
    security(("bearer" = ["approvals:decide"])),
)]
pub async fn approve_approval(
    State(services): State<Arc<Services>>,
    access: Approver,
    Path((_, id)): Path<(String, String)>,
    Body(body): Body<Approve>,
) -> Result<Json<Approval>> {
    if body.arguments.is_some() {
        return Err(Error::invalid("arguments", "cannot be edited yet: approve or reject the call as it is"));
    }
    let seen = seen(&body.arguments_sha256, &body.definition_sha256)?;
    let verdict = Verdict::Approve { reason: body.reason };
    let record = service::approval::decide(&services, &access.0, parse_id(&id)?, seen, &verdict).await?;
    Ok(Json(approval(&record)))
}

/// Rejects, on what was seen; the agent reads the reason.
#[utoipa::path(
    post,
    path = "/orgs/{org}/approvals/{id}/reject",
    tag = "approvals",
    request_body = Reject,
    responses(
        (status = OK, body = Approval),
        (status = CONFLICT, description = "`not_open`, `stale_view`, `invalidated`"),
    ),
    security(("bearer" = ["approvals:decide"])),
)]
pub async fn reject_approval(
    State(services): State<Arc<Services>>,
    access: Approver,
    Path((_, id)): Path<(String, String)>,
    Body(body): Body<Reject>,
) -> Result<Json<Approval>> {
    let seen = seen(&body.arguments_sha256, &body.definition_sha256)?;
    let verdict = Verdict::Reject { reason: body.reason };
    let record = service::approval::decide(&services, &access.0, parse_id(&id)?, seen, &verdict).await?;
    Ok(Json(approval(&record)))
}

/// Settles an unknown outcome.
#[utoipa::path(
    post,
    path = "/orgs/{org}/approvals/{id}/settle",
    tag = "approvals",
    request_body = Settle,
    responses(
        (status = OK, body = Approval),
        (status = CONFLICT, description = "`not_open`, `too_early`, `identical_open`"),
    ),
    security(("bearer" = ["approvals:decide"])),
)]
pub async fn settle_approval(
    State(services): State<Arc<Services>>,
    access: Approver,
    Path((_, id)): Path<(String, String)>,
    Body(body): Body<Settle>,
) -> Result<Json<Approval>> {
    let executed = body.outcome == SettleOutcome::Executed;
    let record = service::approval::settle(&services, &access.0, parse_id(&id)?, executed, &body.note).await?;
    Ok(Json(approval(&record)))
}

fn parse_id(text: &str) -> Result<ApprovalId> {
    text.parse().map_err(|_| Error::not_found())
}

fn seen(arguments: &str, definition: &str) -> Result<Seen> {
    let hash = |field: &str, text: &str| {
        let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| Error::invalid(field, "must be 64 hexadecimal digits, as the request shows it"))
    };
    Ok(Seen {
        arguments_sha256: hash("arguments_sha256", arguments)?,
        definition_sha256: hash("definition_sha256", definition)?,
    })
}

async fn detail(services: &Services, access: &OrgAccess, record: Record) -> Result<ApprovalDetail> {
    let mut scope = OrgScope::system(&services.db, access.org.id, Reason::Claim).await?;
    let history = db::approval::events(&mut scope, record.id).await?;
    let own = db::approval::own_people(&mut scope, &record.binding).await?;
    let like = Filter {
        tool: Some(record.tool.clone()),
        toolkit: Some(record.toolkit.clone()),
        caller: Some(record.binding.caller.id()),
        limit: 6,
        ..Filter::default()
    };
    let similar = db::approval::list(&mut scope, &like).await?;
    drop(scope);
    let similar = similar.iter().filter(|other| other.id != record.id).take(5).map(approval).collect();
    let policy = service::approval::policy(access, &record);
    let refused = match access.actor.person() {
        Ok(user) => {
            let decider = Decider { user, role: &access.role_name, rights: &access.rights };
            may_decide(&decider, &policy, &own).err().map(|refusal| refusal.to_string())
        }
        Err(error) => Some(error.message.to_string()),
    };
    let arguments_json = service::approval::arguments(services, access, record.id).await?;
    let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(Error::internal);
    let limit = access.org.connections.get(&record.binding.connection).map_or(120_000, |c| c.call_timeout_ms);
    let settle_from = match record.state() {
        Life::OutcomeUnknown(unknown) => Some(unknown.settle_from(TimeDelta::milliseconds(limit.into()))),
        _ => None,
    };
    Ok(ApprovalDetail {
        approval: approval(&record),
        arguments: arguments_json.as_deref().map(raw).transpose()?,
        arguments_json,
        definition: raw(&record.definition)?,
        reviewed_definition: record.reviewed_definition.as_deref().map(raw).transpose()?,
        history: history.into_iter().map(event).collect(),
        similar,
        last_approved: None,
        same_call_ran_at: None,
        may_decide: refused.is_none(),
        may_not_decide_because: refused,
        somebody_may_decide: service::approval::has_other_approver(services, access, &record).await?,
        settle_from,
    })
}

fn event(row: db::approval::EventRow) -> ApprovalEvent {
    ApprovalEvent {
        at: row.at,
        from: row.from_state,
        to: row.to_state,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        note: row.note,
    }
}

fn approval(record: &Record) -> Approval {
    let decision = record.decision();
    Approval {
        id: record.id.0,
        status: record.state().status().to_string(),
        toolkit: record.toolkit.clone(),
        tool: record.tool.clone(),
        caller_kind: record.binding.caller.kind().to_owned(),
        caller_id: record.binding.caller.id(),
        caller_name: record.caller_name.clone(),
        caller_prefix: None,
        client: record.client.clone(),
        owner_id: record.binding.owner.0,
        owner_email: None,
        rule: record.rule.clone(),
        hints: ToolHints::default(),
        definition_changed: record.reviewed_definition.is_some(),
        summary: None,
        agent_reason: record.agent_reason.clone(),
        created_at: record.created_at,
        expires_at: record.expires_at,
        execute_by: record.execute_by,
        decided_by: decision.map(|d| d.by.0),
        decided_by_email: None,
        decided_at: decision.map(|d| d.at),
        decision_reason: decision.and_then(|d| d.reason.clone()),
        arguments_sha256: hex::encode(record.binding.arguments_sha256),
        definition_sha256: hex::encode(record.binding.definition_sha256),
    }
}
