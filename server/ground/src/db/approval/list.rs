//! Lists of approvals.

use chrono::{DateTime, Utc};
use domain::{ApprovalId, UserId, approval::Status};
use uuid::Uuid;

use super::{Record, load};
use crate::{
    db::{OrgScope, search::Pattern},
    error::Result,
};

/// Which approvals to list. Absent means any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these states, deadlines counted.
    pub status: Option<Vec<Status>>,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The caller's id.
    pub caller: Option<Uuid>,
    /// Only those opened at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those opened before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only those that this person decided, or took back.
    pub decided_by: Option<UserId>,
    /// Only those with this text: in names, reasons, or the arguments as they are on record.
    pub q: Option<String>,
    /// Only those that wait for a decision that this person may make.
    pub mine: Option<Mine>,
    /// Only those older than this one.
    pub before: Option<ApprovalId>,
    /// How many at most.
    pub limit: i64,
}

/// What a person may decide.
#[derive(Clone, Debug)]
pub struct Mine {
    /// Who.
    pub person: UserId,
    /// The keys that are this person's, of those whose requests wait.
    pub keys: Vec<Uuid>,
    /// The toolkit tools whose approval policy answers something else than the org's; the next two say what.
    pub tools: Vec<Uuid>,
    /// Whether they may decide requests of others for it.
    pub others: Vec<bool>,
    /// Whether they may decide their own requests for it.
    pub own: Vec<bool>,
    /// Whether they may decide requests of others for every other tool.
    pub else_others: bool,
    /// Whether they may decide their own requests for every other tool.
    pub else_own: bool,
}

/// How many approvals [`count`] counts at most.
pub const COUNTED: i64 = 10_000;

/// How long a search for text may take: one that takes longer is too wide, and others wait behind it.
const PATIENCE: &str = "10s";

/// Lists approvals, newest first.
///
/// # Errors
/// When Postgres cannot be reached, or a row contradicts itself.
pub async fn list(scope: &mut OrgScope, filter: &Filter) -> Result<Vec<Record>> {
    let ids = found(scope, filter).await?;
    load(scope, &ids).await
}

/// How many approvals there are in all pages of a list: at most one more than [`COUNTED`].
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn count(scope: &mut OrgScope, filter: &Filter) -> Result<usize> {
    Ok(found(scope, &Filter { before: None, limit: COUNTED + 1, ..filter.clone() }).await?.len())
}

#[tracing::instrument(level = "debug", skip_all)]
async fn found(scope: &mut OrgScope, filter: &Filter) -> Result<Vec<Uuid>> {
    if filter.q.is_some() {
        sqlx::query!("SELECT set_config('statement_timeout', $1, true)", PATIENCE).fetch_one(scope.conn()).await?;
    }
    let pattern = filter.q.as_deref().map(Pattern::of);
    let words: Option<Vec<String>> =
        filter.status.as_ref().map(|set| set.iter().map(|status| status.as_str().to_owned()).collect());
    let mine = filter.mine.as_ref();
    Ok(sqlx::query_scalar!(
        "SELECT a.id FROM approvals a
         WHERE a.org_id = $1 AND ($2::uuid IS NULL OR a.id < $2)
           AND ($3::text[] IS NULL OR CASE
                WHEN a.state = 'pending' AND a.expires_at <= clock_timestamp() THEN 'expired'
                WHEN a.state = 'approved' AND a.execute_by <= clock_timestamp() THEN 'expired'
                WHEN a.state = 'executing' AND a.lease_until <= clock_timestamp() THEN 'outcome_unknown'
                ELSE a.state END = ANY($3))
           AND ($4::text IS NULL OR a.toolkit = $4) AND ($5::text IS NULL OR a.tool = $5)
           AND ($6::uuid IS NULL OR a.caller_id = $6)
           AND ($8::uuid IS NULL OR a.state = 'pending' AND a.expires_at > clock_timestamp() AND CASE
                WHEN a.owner_id = $8 OR a.caller_id = $8 OR a.caller_id = ANY($14)
                THEN coalesce((SELECT m.own FROM unnest($9::uuid[], $10::boolean[]) AS m (tool, own)
                               WHERE m.tool = a.toolkit_tool_id), $12)
                ELSE coalesce((SELECT m.others FROM unnest($9::uuid[], $11::boolean[]) AS m (tool, others)
                               WHERE m.tool = a.toolkit_tool_id), $13) END)
           AND ($15::timestamptz IS NULL OR a.created_at >= $15) AND ($16::timestamptz IS NULL OR a.created_at < $16)
           AND ($17::uuid IS NULL OR a.decided_by = $17 OR a.taken_back_by = $17)
           AND ($18::text IS NULL
                OR concat_ws(E'\\n', a.toolkit, a.tool, a.caller_name, a.client, a.rule, a.agent_reason, a.decision_reason,
                             a.taken_back_reason) ILIKE $18
                OR EXISTS (SELECT FROM audit_intents i
                           WHERE i.org_id = a.org_id AND i.approval_id = a.id
                             AND i.action = 'tools/call' AND i.tool = a.tool
                             AND (i.request ILIKE $18 OR strpos(i.request, '\\') > 0 AND i.request ~* $19))
                OR EXISTS (SELECT FROM audit_outcomes o JOIN audit_intents i ON i.at = o.intent_at AND i.id = o.intent_id
                           WHERE o.org_id = a.org_id AND o.approval_id = a.id
                             AND i.action = 'tools/call' AND i.tool = a.tool
                             AND (i.request ILIKE $18 OR strpos(i.request, '\\') > 0 AND i.request ~* $19)))
         ORDER BY a.id DESC LIMIT $7",
        scope.org().0,
        filter.before.map(|id| id.0),
        words.as_deref(),
        filter.toolkit,
        filter.tool,
        filter.caller,
        filter.limit,
        mine.map(|mine| mine.person.0),
        mine.map_or(&[][..], |mine| &mine.tools),
        mine.map_or(&[][..], |mine| &mine.own),
        mine.map_or(&[][..], |mine| &mine.others),
        mine.is_some_and(|mine| mine.else_own),
        mine.is_some_and(|mine| mine.else_others),
        mine.map_or(&[][..], |mine| &mine.keys),
        filter.from,
        filter.to,
        filter.decided_by.map(|person| person.0),
        pattern.as_ref().map(|pattern| &pattern.like),
        pattern.as_ref().map(|pattern| &pattern.escaped),
    )
    .fetch_all(scope.conn())
    .await?)
}
