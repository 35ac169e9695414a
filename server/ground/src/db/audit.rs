//! Audit records: insert and read. The application may do nothing else with them.

pub mod finished;
pub mod tally;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{ApprovalId, AuditId, OrgId, Principal};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{OrgScope, search::Pattern};
use crate::error::Result;

/// What is about to happen. Bodies are redacted already.
#[derive(Clone, Debug)]
pub struct Intent {
    /// The record's id.
    pub id: AuditId,
    /// When, by this replica's clock.
    pub at: DateTime<Utc>,
    /// Whose record it is.
    pub org: OrgId,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// Who acts; `None` is the gateway itself.
    pub actor: Option<Principal>,
    /// What people call the actor.
    pub actor_name: String,
    /// The actor's own org, where it is known.
    pub actor_org: Option<OrgId>,
    /// The MCP method or REST operation.
    pub action: String,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The request; shared, because it may be large and a call's record goes several ways.
    pub request: Option<Arc<str>>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The approval it belongs to.
    pub approval: Option<ApprovalId>,
    /// The client's name and version, as it said.
    pub client: Option<String>,
    /// Where it came from.
    pub source: Source,
}

/// Where something came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An MCP endpoint.
    Mcp,
    /// The REST API, with a bearer or without a credential.
    Rest,
    /// The console: the REST API with a session.
    Console,
    /// The gateway itself: periodic work, its start, a command on its machine.
    Job,
}

impl Source {
    /// The word used in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Rest => "rest",
            Self::Console => "console",
            Self::Job => "job",
        }
    }
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As asked.
    Ok,
    /// The upstream answered with an error.
    Error,
    /// A rule or a check said no; nothing ran.
    Refused,
    /// It waits for a person.
    Held,
    /// A person said no.
    Rejected,
    /// An earlier result was given again; nothing ran.
    Replayed,
    /// The upstream could not be reached; nothing ran.
    Failed,
    /// It may have run.
    Unknown,
}

/// How an intent ended that has no outcome.
pub const INTERRUPTED: &str = "interrupted";

impl Status {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Ok, Self::Error, Self::Refused, Self::Held, Self::Rejected, Self::Replayed, Self::Failed, Self::Unknown];

    /// The word used in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Rejected => "rejected",
            Self::Replayed => "replayed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it is a failure or a refusal. What a person still has to decide is neither.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Ok | Self::Held | Self::Replayed => false,
            Self::Error | Self::Refused | Self::Rejected | Self::Failed | Self::Unknown => true,
        }
    }
}

/// What became of an intent.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The intent.
    pub intent: AuditId,
    /// The intent's time: the pair stands in one month.
    pub intent_at: DateTime<Utc>,
    /// Whose record it is.
    pub org: OrgId,
    /// When.
    pub at: DateTime<Utc>,
    /// How it ended.
    pub status: Status,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// The response, redacted already; for lists a digest.
    pub response: Option<String>,
    /// The rule, where it was found only after the intent.
    pub rule: Option<String>,
    /// The approval, where it was found only after the intent.
    pub approval: Option<ApprovalId>,
}

/// Inserts intents and outcomes with one statement, which commits by itself outside a transaction.
/// What is there already stays: a batch whose commit got lost on the way back is simply written again.
///
/// # Errors
/// When Postgres cannot be reached or refuses a value.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert(conn: &mut PgConnection, intents: &[&Intent], outcomes: &[&Outcome]) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH intents AS (
             INSERT INTO audit_intents (id, at, org_id, request_id, actor_kind, actor_id, actor_name, actor_org_id, action,
                 toolkit, tool, request, rule, approval_id, client, source)
             SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::text[],
                 $8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::uuid[], $15::text[], $25::text[])
             ON CONFLICT DO NOTHING)
         INSERT INTO audit_outcomes (intent_id, intent_at, org_id, at, status, duration_us, response, rule, approval_id)
         SELECT * FROM unnest($16::uuid[], $17::timestamptz[], $18::uuid[], $19::timestamptz[], $20::text[], $21::bigint[],
             $22::text[], $23::text[], $24::uuid[])
         ON CONFLICT DO NOTHING",
        &column(intents, |r| r.id.0),
        &column(intents, |r| r.at),
        &column(intents, |r| r.org.0),
        &column(intents, |r| r.request_id),
        &column(intents, |r| r.actor.map_or("system", Principal::kind).to_owned()),
        &column(intents, |r| r.actor.map(Principal::id)) as &[Option<Uuid>],
        &column(intents, |r| r.actor_name.clone()),
        &column(intents, |r| r.actor_org.map(|org| org.0)) as &[Option<Uuid>],
        &column(intents, |r| r.action.clone()),
        &column(intents, |r| r.toolkit.clone()) as &[Option<String>],
        &column(intents, |r| r.tool.clone()) as &[Option<String>],
        &column(intents, |r| r.request.as_deref()) as &[Option<&str>],
        &column(intents, |r| r.rule.clone()) as &[Option<String>],
        &column(intents, |r| r.approval.map(|id| id.0)) as &[Option<Uuid>],
        &column(intents, |r| r.client.clone()) as &[Option<String>],
        &column(outcomes, |r| r.intent.0),
        &column(outcomes, |r| r.intent_at),
        &column(outcomes, |r| r.org.0),
        &column(outcomes, |r| r.at),
        &column(outcomes, |r| r.status.as_str().to_owned()),
        &column(outcomes, |r| r.duration_us),
        &column(outcomes, |r| r.response.as_deref()) as &[Option<&str>],
        &column(outcomes, |r| r.rule.clone()) as &[Option<String>],
        &column(outcomes, |r| r.approval.map(|id| id.0)) as &[Option<Uuid>],
        &column(intents, |r| r.source.as_str().to_owned()),
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn column<'r, T, R>(rows: &[&'r T], value: impl Fn(&'r T) -> R) -> Vec<R> {
    rows.iter().map(|row| value(row)).collect()
}

/// Makes the partitions of this month and the next three.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn ensure_partitions(db: &super::Db) -> Result<()> {
    let mut taken = db.connection().await?;
    sqlx::query!("SELECT audit_ensure_partitions(3)").fetch_one(&mut *taken.inner).await?;
    Ok(())
}

/// One record: an intent and, once there is one, its outcome.
#[derive(Clone, Debug)]
pub struct Row {
    /// The record's id.
    pub id: Uuid,
    /// When it began.
    pub at: DateTime<Utc>,
    /// The request it belongs to.
    pub request_id: Uuid,
    /// `key`, `user` or `system`.
    pub actor_kind: String,
    /// The actor's id.
    pub actor_id: Option<Uuid>,
    /// What people call the actor.
    pub actor_name: String,
    /// The actor's own org.
    pub actor_org_id: Option<Uuid>,
    /// The MCP method or REST operation.
    pub action: String,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The approval it belongs to.
    pub approval_id: Option<Uuid>,
    /// The client.
    pub client: Option<String>,
    /// Where it came from: a word of [`Source`]. `None`: an earlier version wrote it.
    pub source: Option<String>,
    /// How it ended; `interrupted` while there is no outcome.
    pub status: String,
    /// Of a call that ended with an error: `tool_error` or `protocol_error`.
    pub answer: Option<String>,
    /// How long it took, in microseconds.
    pub duration_us: Option<i64>,
    /// The request, if it was asked for ([`Bodies`]).
    pub request: Option<String>,
    /// The response, if it was asked for.
    pub response: Option<String>,
}

/// Which requests and responses to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    /// None.
    None,
    /// Requests of tool calls, of at most so many bytes each.
    Calls(i32),
    /// All.
    All,
}

/// Which records to list. Absent means any.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only this one.
    pub id: Option<AuditId>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// The actor's id, or its name.
    pub actor: Option<String>,
    /// The MCP method or REST operation.
    pub action: Option<String>,
    /// The toolkit's slug.
    pub toolkit: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// How it ended: any of these words.
    pub status: Option<Vec<String>>,
    /// The approval.
    pub approval: Option<ApprovalId>,
    /// Text in the request, the response, the action or the request id.
    pub q: Option<String>,
    /// Only those older than this one.
    pub before: Option<AuditId>,
    /// How many at most.
    pub limit: i64,
    /// Whether `q` is searched for in requests and responses too.
    pub in_bodies: bool,
    /// Which requests and responses to read.
    pub read: Bodies,
    /// How many bytes of requests and responses at most, but for the last record, which may go beyond. Fewer
    /// records than `limit` that have as many bytes as this need not be all.
    pub bytes: i64,
    /// How long the search may take: one that takes longer is too wide, and others wait behind it.
    pub patience: Duration,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            id: None,
            from: None,
            to: None,
            actor: None,
            action: None,
            toolkit: None,
            tool: None,
            status: None,
            approval: None,
            q: None,
            before: None,
            limit: 1,
            in_bodies: false,
            read: Bodies::None,
            bytes: i64::MAX,
            patience: Duration::from_secs(10),
        }
    }
}

/// Lists records, newest first.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, filter: &Filter) -> Result<Vec<Row>> {
    be_patient(scope, filter.patience).await?;
    let pattern = filter.q.as_deref().map(Pattern::of);
    let (all, calls) = match filter.read {
        Bodies::None => (false, None),
        Bodies::Calls(largest) => (false, Some(largest)),
        Bodies::All => (true, None),
    };
    let rows = sqlx::query_as!(
        Row,
        r#"WITH found AS (
           SELECT i.id, i.at, i.request_id, i.actor_kind, i.actor_id, i.actor_name, i.actor_org_id, i.action, i.toolkit,
               i.tool, coalesce(o.rule, i.rule) AS rule, coalesce(o.approval_id, i.approval_id) AS approval_id, i.client, i.source,
               coalesce(o.status, 'interrupted') AS status, o.duration_us,
               CASE WHEN o.status = 'error' AND i.action = 'tools/call' THEN recorded_answer(o.status, o.response) END AS answer,
               CASE WHEN $17 OR i.action = 'tools/call' AND octet_length(i.request) <= $18 THEN i.request END AS request,
               CASE WHEN $17 THEN o.response END AS response
           FROM audit_intents i LEFT JOIN audit_outcomes o ON o.intent_at = i.at AND o.intent_id = i.id
           WHERE i.org_id = $1
             AND ($2::uuid IS NULL OR i.id = $2)
             AND ($3::timestamptz IS NULL OR i.at >= $3)
             AND ($4::timestamptz IS NULL OR i.at < $4)
             AND ($5::text IS NULL OR i.actor_id::text = $5 OR i.actor_name = $5)
             AND ($6::text IS NULL OR i.toolkit = $6)
             AND ($7::text IS NULL OR i.tool = $7)
             AND ($8::text[] IS NULL OR coalesce(o.status, 'interrupted') = ANY ($8))
             AND ($9::uuid IS NULL OR coalesce(o.approval_id, i.approval_id) = $9)
             AND ($10::text IS NULL OR i.action ILIKE $10 OR i.request_id::text ILIKE $10 OR coalesce(i.tool, '') ILIKE $10
                  OR $13 AND (i.request ILIKE $10 OR o.response ILIKE $10
                      OR strpos(i.request, '\') > 0 AND i.request ~* $16 OR strpos(o.response, '\') > 0 AND o.response ~* $16))
             AND ($11::uuid IS NULL OR i.id < $11)
             AND ($14::text IS NULL OR i.action = $14)
           ORDER BY i.id DESC LIMIT $12),
           measured AS (
           SELECT *, sum(coalesce(octet_length(request), 0) + coalesce(octet_length(response), 0))
               OVER (ORDER BY id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM found)
           SELECT id AS "id!", at AS "at!", request_id AS "request_id!", actor_kind AS "actor_kind!", actor_id,
               actor_name AS "actor_name!", actor_org_id, action AS "action!", toolkit, tool, rule, approval_id, client, source,
               status AS "status!", answer, duration_us AS "duration_us?", request, response
           FROM measured WHERE before IS NULL OR before < $15 ORDER BY id DESC"#,
        scope.org().0,
        filter.id.map(|id| id.0),
        filter.from,
        filter.to,
        filter.actor,
        filter.toolkit,
        filter.tool,
        filter.status.as_deref(),
        filter.approval.map(|id| id.0),
        pattern.as_ref().map(|pattern| &pattern.like),
        filter.before.map(|id| id.0),
        filter.limit,
        filter.in_bodies,
        filter.action,
        filter.bytes,
        pattern.as_ref().map(|pattern| &pattern.escaped),
        all,
        calls,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows)
}

/// How long each of the statements that follow in this transaction may take.
#[tracing::instrument(level = "debug", skip_all)]
pub(in crate::db) async fn be_patient(scope: &mut OrgScope, patience: Duration) -> Result<()> {
    let patience = patience.as_millis().to_string();
    sqlx::query!("SELECT set_config('statement_timeout', $1, true)", patience).fetch_one(scope.conn()).await?;
    Ok(())
}
