//! What the first page of an org shows: counts and short lists, each by an index and with a bound.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{OrgScope, audit};
use crate::error::Result;

/// How many calls of the last day are looked at: the newest.
pub const CALLS: i64 = 100_000;
/// How many of each thing that needs attention are told.
const TOLD: i64 = 10;

/// What is counted of requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Requests {
    /// How many expire soon.
    pub urgent: i64,
    /// How many were approved or rejected since then.
    pub decided: i64,
}

/// Counts requests that expire before `soon`, and those that were decided after `since`.
///
/// # Errors
/// When Postgres cannot be reached, or it takes too long.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn requests(
    scope: &mut OrgScope,
    now: DateTime<Utc>,
    soon: DateTime<Utc>,
    since: DateTime<Utc>,
) -> Result<Requests> {
    // No request waits for longer than a month before it is decided.
    let floor = first_id(since - chrono::TimeDelta::days(31));
    Ok(sqlx::query_as!(
        Requests,
        r#"SELECT
               (SELECT count(*) FROM approvals
                WHERE org_id = $1 AND state = 'pending' AND expires_at > $2 AND expires_at <= $3) AS "urgent!",
               (SELECT count(*) FROM (SELECT FROM approvals
                WHERE org_id = $1 AND id >= $5 AND decided_at >= $4 LIMIT 10000) decided) AS "decided!""#,
        scope.org().0,
        now,
        soon,
        since,
        floor,
    )
    .fetch_one(scope.conn())
    .await?)
}

/// A thing that needs attention, with its name and a time.
#[derive(Clone, Debug)]
pub struct Matter {
    /// Which.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// Since or until when.
    pub at: Option<DateTime<Utc>>,
}

/// The newest requests of which nobody knows whether the call ran.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn unknown(scope: &mut OrgScope) -> Result<Vec<Matter>> {
    Ok(sqlx::query_as!(
        Matter,
        "SELECT id, tool AS name, finished_at AS at FROM approvals
         WHERE org_id = $1 AND state = 'outcome_unknown' ORDER BY id DESC LIMIT $2",
        scope.org().0,
        TOLD,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// The keys that stop being valid between two times, the first one first.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn expiring_keys(scope: &mut OrgScope, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Matter>> {
    Ok(sqlx::query_as!(
        Matter,
        "SELECT id, name, expires_at AS at FROM api_keys
         WHERE org_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND expires_at <= $3 ORDER BY expires_at LIMIT $4",
        scope.org().0,
        now,
        until,
        TOLD,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Whether there is a key that is valid, and whether a tool was ever called.
///
/// # Errors
/// When Postgres cannot be reached, or it takes too long.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn first_steps(scope: &mut OrgScope, now: DateTime<Utc>) -> Result<(bool, bool)> {
    let row = sqlx::query!(
        r#"SELECT
               EXISTS (SELECT FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)) AS "key!",
               EXISTS (SELECT FROM audit_intents WHERE org_id = $1 AND action = 'tools/call') AS "call!""#,
        scope.org().0,
        now,
    )
    .fetch_one(scope.conn())
    .await?;
    Ok((row.key, row.call))
}

/// How often somebody called within an hour.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Who: a key or a person.
    pub caller: Option<Uuid>,
    /// What they were called when they called first in it.
    pub name: String,
    /// The hour: 0 is the one that began at the time from which it is counted.
    pub hour: i32,
    /// How many calls.
    pub calls: i64,
    /// How many of them failed.
    pub failed: i64,
}

/// The calls since then, by caller and hour: of the newest [`CALLS`].
///
/// # Errors
/// When Postgres cannot be reached, or it takes longer than `patience`.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn calls(scope: &mut OrgScope, since: DateTime<Utc>, patience: Duration) -> Result<Vec<Calls>> {
    audit::be_patient(scope, patience).await?;
    let failures: Vec<String> = audit::Status::ALL
        .into_iter()
        .filter(|status| status.is_failure())
        .map(|status| status.as_str().to_owned())
        .collect();
    Ok(sqlx::query_as!(
        Calls,
        r#"SELECT found.actor_id AS caller, min(found.actor_name) AS "name!",
               floor(extract(epoch FROM found.at - $3) / 3600)::int AS "hour!",
               count(*) AS "calls!", count(*) FILTER (WHERE found.failed) AS "failed!"
           FROM (
               SELECT i.actor_id, i.actor_name, i.at, coalesce(o.status = ANY ($4), false) AS failed
               FROM audit_intents i LEFT JOIN audit_outcomes o ON o.intent_at = i.at AND o.intent_id = i.id
               WHERE i.org_id = $1 AND i.id >= $2 AND i.at >= $3 AND i.action = 'tools/call'
               ORDER BY i.id DESC LIMIT $5) found
           GROUP BY 1, 3"#,
        scope.org().0,
        first_id(since),
        since,
        &failures,
        CALLS,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// An id before every UUIDv7 that was made at this time, with a minute for clocks that differ.
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u128::try_from(at.timestamp_millis() - 60_000).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}
