//! `/orgs/{org}/approvals`.

use std::sync::Arc;

use api_types::{Approval, ApprovalDetail, ApprovalsSummary, Approve, List, Reject, Settle, SettleOutcome};
use axum::{
    Json,
    extract::{Path, State},
};
use domain::{
    ApprovalId,
    approval::{Seen, Status},
};
use uuid::Uuid;

use super::{
    approval::detail,
    authorize::{Allowed, Approver, ReadApprovals},
    body::Body,
    page::{FromQuery, Page, Parameters, Query, page},
};
use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Filter, Record},
    },
    error::{Error, Result},
    service::{
        self, Services,
        access::OrgAccess,
        approval::Verdict,
        approval_card::{self, row},
        approval_inbox::{self, Deciding},
    },
};

/// The filters of the list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApprovalsQuery {
    /// Only those in one of these states, separated by commas: `pending,approved`.
    #[param(value_type = Option<String>)]
    status: Option<Vec<Status>>,
    /// Only what waits for a decision that the one who asks may make; nothing for a key.
    #[param(value_type = Option<bool>, default = false)]
    mine: bool,
    /// Only those of the toolkit with this slug.
    #[param(min_length = 1, max_length = 500)]
    toolkit: Option<String>,
    /// Only those of the tool with this name, as agents see it.
    #[param(min_length = 1, max_length = 500)]
    tool: Option<String>,
    /// Only those of the key or person with this id.
    caller: Option<Uuid>,
    #[param(ignore)]
    page: Page,
}

impl FromQuery for ApprovalsQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self {
            status: parameters.text("status")?.as_deref().map(statuses).transpose()?,
            mine: parameters.flag("mine")?,
            toolkit: parameters.text("toolkit")?,
            tool: parameters.text("tool")?,
            caller: parameters.value("caller", "must be the id of a key or person")?,
            page: Page::take(parameters)?,
        })
    }
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
    let mut filter = Filter {
        status: query.status,
        toolkit: query.toolkit,
        tool: query.tool,
        caller: query.caller,
        mine: None,
        before: query.page.after()?,
        limit: limit + 1,
    };
    // Keys of other orgs ask too, and a card says whose they are.
    let mut scope = OrgScope::system(&services.db.people, access.0.org.id, Reason::Claim).await?;
    let deciding = Deciding::of(&access.0);
    if query.mine {
        match deciding.filter(&mut scope).await? {
            Some(mine) => filter.mine = Some(mine),
            None => return Ok(Json(List { items: Vec::new(), next_cursor: None })),
        }
    }
    let rows = db::approval::list(&mut scope, &filter).await?;
    let List { items: records, next_cursor } = page(rows, limit, |row| row.id.to_string(), |row| row);
    let cards = approval_card::cards(&services, &mut scope, &records).await?;
    let items = records.iter().zip(cards).map(|(record, card)| row(record, card, &deciding)).collect();
    Ok(Json(List { items, next_cursor }))
}

/// Counts the requests that wait for a decision, and those of them that the one who asks may decide.
#[utoipa::path(
    get,
    path = "/orgs/{org}/approvals/summary",
    tag = "approvals",
    responses((status = OK, body = ApprovalsSummary)),
    security(("bearer" = ["approvals:read"])),
)]
pub async fn get_approvals_summary(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadApprovals>,
) -> Result<Json<ApprovalsSummary>> {
    approval_inbox::summary(&services, &access.0).await.map(Json)
}

fn statuses(words: &str) -> Result<Vec<Status>> {
    let parsed: Result<Vec<Status>, _> = words.split(',').map(str::parse).collect();
    parsed.map_err(|_| {
        Error::invalid("status", "must be states of approvals, separated by commas, such as `pending,approved`")
    })
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
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
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
    shown(&services, &access.0, record).await
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
    shown(&services, &access.0, record).await
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
    shown(&services, &access.0, record).await
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

/// The record with its card, after a decision.
async fn shown(services: &Services, access: &OrgAccess, record: Record) -> Result<Json<Approval>> {
    let mut scope = OrgScope::system(&services.db.people, access.org.id, Reason::Claim).await?;
    let records = [record];
    let mut cards = approval_card::cards(services, &mut scope, &records).await?;
    let [record] = records;
    Ok(Json(row(&record, cards.pop().unwrap_or_default(), &Deciding::of(access))))
}
