//! `/orgs/{org}/approvals`.

use std::sync::Arc;

use api_types::{
    Approval, ApprovalDetail, Approvals, ApprovalsSummary, Approve, Extend, List, Reject, Revoke, Settle, SettleOutcome,
};
use axum::{
    Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use domain::{
    ApprovalId, UserId,
    approval::{Seen, Status},
};
use uuid::Uuid;

mod detail;

use super::audit::turn;
use crate::{
    api::{
        approvals::detail::detail,
        support::{
            authorize::{Allowed, Approver, ReadApprovals},
            body::Body,
            page::{FromQuery, Page, Parameters, Query, page},
        },
    },
    db::{
        self, OrgScope, Reason,
        approval::{Filter, Record},
    },
    error::{Error, Result},
    service::{
        self, Services,
        access::OrgAccess,
        approval::{
            Verdict, amend,
            card::{self, row},
            inbox::{self, Deciding},
        },
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
    /// Only those opened at this time or later.
    from: Option<DateTime<Utc>>,
    /// Only those opened before this time.
    to: Option<DateTime<Utc>>,
    /// Only those that the person with this id decided, or took back.
    decided_by: Option<Uuid>,
    /// Only those with this text: in names, reasons, or the arguments as they are on record. Upper and lower case are the
    /// same, and so is how JSON spells a character (`Zoë`, `Zo\u00eb`).
    #[param(min_length = 1, max_length = 500)]
    q: Option<String>,
    /// Whether to count all that there are, up to 10,000.
    #[param(value_type = Option<bool>, default = false)]
    count: bool,
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
            from: parameters.time("from")?,
            to: parameters.time("to")?,
            decided_by: parameters.value("decided_by", "must be the id of a person")?,
            q: parameters.text("q")?,
            count: parameters.flag("count")?,
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
    responses((status = OK, body = Approvals)),
    security(("bearer" = ["approvals:read"])),
)]
pub async fn list_approvals(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadApprovals>,
    Query(query): Query<ApprovalsQuery>,
) -> Result<Json<Approvals>> {
    let limit = query.page.limit()?;
    let mut filter = Filter {
        status: query.status,
        toolkit: query.toolkit,
        tool: query.tool,
        caller: query.caller,
        from: query.from,
        to: query.to,
        decided_by: query.decided_by.map(UserId),
        q: query.q,
        mine: None,
        before: query.page.after()?,
        limit: limit + 1,
    };
    // A search for text is wide.
    let _turn = match filter.q {
        Some(_) => Some(turn(&services).await?),
        None => None,
    };
    // Keys of other orgs ask too, and a card says whose they are.
    let mut scope = OrgScope::system(&services.db.people, access.0.org.id, Reason::Callers).await?;
    let deciding = Deciding::of(&access.0);
    let counts = query.count;
    if query.mine {
        match deciding.filter(&mut scope).await? {
            Some(mine) => filter.mine = Some(mine),
            None => {
                let (count, more) = if counts { (Some(0), Some(false)) } else { (None, None) };
                return Ok(Json(Approvals { items: Vec::new(), next_cursor: None, count, more }));
            }
        }
    }
    let (count, more) = if counts {
        let found = u64::try_from(db::approval::count(&mut scope, &filter).await?).unwrap_or(u64::MAX);
        let most = db::approval::COUNTED.unsigned_abs();
        (Some(found.min(most)), Some(found > most))
    } else {
        (None, None)
    };
    let rows = db::approval::list(&mut scope, &filter).await?;
    let List { items: records, next_cursor } = page(rows, limit, |row| row.id.to_string(), |row| row);
    let cards = card::cards(&services, &mut scope, Some(&access.0.org), &records).await?;
    let items = records.iter().zip(cards).map(|(record, card)| row(record, card, &deciding)).collect();
    Ok(Json(Approvals { items, next_cursor, count, more }))
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
    inbox::summary(&services, &access.0).await.map(Json)
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
        (status = CONFLICT, description = "`not_open`, `stale_view`, `invalidated`, `identical_open`"),
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

/// Takes an approval back before it was used; the agent reads the reason.
#[utoipa::path(
    post,
    path = "/orgs/{org}/approvals/{id}/revoke",
    tag = "approvals",
    request_body = Revoke,
    responses(
        (status = OK, body = Approval),
        (status = CONFLICT, description = "`executing`, `not_open`"),
    ),
    security(("bearer" = ["approvals:decide"])),
)]
pub async fn revoke_approval(
    State(services): State<Arc<Services>>,
    access: Approver,
    Path((_, id)): Path<(String, String)>,
    Body(body): Body<Revoke>,
) -> Result<Json<Approval>> {
    let record = amend::revoke(&services, &access.0, parse_id(&id)?, &body.reason).await?;
    shown(&services, &access.0, record).await
}

/// Gives a request that waits more time.
#[utoipa::path(
    post,
    path = "/orgs/{org}/approvals/{id}/extend",
    tag = "approvals",
    request_body = Extend,
    responses(
        (status = OK, body = Approval),
        (status = CONFLICT, description = "`not_open`, `extended_twice`, `invalidated`"),
    ),
    security(("bearer" = ["approvals:decide"])),
)]
pub async fn extend_approval(
    State(services): State<Arc<Services>>,
    access: Approver,
    Path((_, id)): Path<(String, String)>,
    Body(body): Body<Extend>,
) -> Result<Json<Approval>> {
    let record = amend::extend(&services, &access.0, parse_id(&id)?, body.seconds).await?;
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
        (status = CONFLICT, description = "`not_open`, `too_early`"),
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
    let mut scope = OrgScope::system(&services.db.people, access.org.id, Reason::Callers).await?;
    let records = [record];
    let mut cards = card::cards(services, &mut scope, Some(&access.org), &records).await?;
    let [record] = records;
    Ok(Json(row(&record, cards.pop().unwrap_or_default(), &Deciding::of(access))))
}
