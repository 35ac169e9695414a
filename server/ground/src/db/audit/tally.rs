//! How many records there are: of all pages of a list, and by time.

use chrono::{DateTime, Utc};

use super::{Filter, Status, be_patient};
use crate::{
    db::{OrgScope, search::Pattern},
    error::Result,
};

/// How many records [`count`] counts at most.
pub const COUNTED: u64 = 10_000;

/// How many records began within a bucket of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// How many are neither a failure nor a refusal ([`Status::is_failure`]), or have no outcome yet.
    pub ok: i64,
    /// How many are.
    pub failed: i64,
}

/// How many records a list has in all its pages: at most one more than [`COUNTED`].
///
/// # Errors
/// When Postgres cannot be reached, or it takes longer than the filter's patience.
pub async fn count(scope: &mut OrgScope, filter: &Filter) -> Result<u64> {
    // The buckets do not matter: of so few records there are few at any width.
    let most = COUNTED.cast_signed() + 1;
    let tallies = tally(scope, filter, 86_400, Some(most)).await?;
    Ok(tallies.iter().map(|tally| tally.ok.unsigned_abs() + tally.failed.unsigned_abs()).sum())
}

/// How many records a filter finds, by the bucket in which they began. Buckets begin at multiples of `seconds` since
/// 1970 in UTC, and those in which nothing began are missing.
///
/// # Errors
/// When Postgres cannot be reached, or it takes longer than the filter's patience.
pub async fn histogram(scope: &mut OrgScope, filter: &Filter, seconds: u32) -> Result<Vec<Tally>> {
    tally(scope, filter, seconds, None).await
}

/// The conditions are those of [`list`](super::list). An outcome has the time of its intent, so that the bounds find both
/// by an index.
#[tracing::instrument(level = "debug", skip_all)]
async fn tally(scope: &mut OrgScope, filter: &Filter, seconds: u32, most: Option<i64>) -> Result<Vec<Tally>> {
    be_patient(scope, filter.patience).await?;
    let pattern = filter.q.as_deref().map(Pattern::of);
    let failures: Vec<String> =
        Status::ALL.into_iter().filter(|status| status.is_failure()).map(|status| status.as_str().to_owned()).collect();
    let tallies = sqlx::query_as!(
        Tally,
        r#"SELECT date_bin(make_interval(secs => $13), found.at, timestamptz 'epoch') AS "at!",
               count(*) FILTER (WHERE NOT found.failed) AS "ok!", count(*) FILTER (WHERE found.failed) AS "failed!"
           FROM (
               SELECT i.at, coalesce(o.status = ANY ($14), false) AS failed
               FROM audit_intents i LEFT JOIN audit_outcomes o ON o.intent_at = i.at AND o.intent_id = i.id
                   AND o.intent_at >= coalesce($2::timestamptz, '-infinity') AND o.intent_at < coalesce($3::timestamptz, 'infinity')
               WHERE i.org_id = $1
                 AND i.at >= coalesce($2::timestamptz, '-infinity')
                 AND i.at < coalesce($3::timestamptz, 'infinity')
                 AND ($4::text IS NULL OR i.actor_id::text = $4 OR i.actor_name = $4)
                 AND ($5::text IS NULL OR i.action = $5)
                 AND ($6::text IS NULL OR i.toolkit = $6)
                 AND ($7::text IS NULL OR i.tool = $7)
                 AND ($8::text[] IS NULL OR coalesce(o.status, 'interrupted') = ANY ($8))
                 AND ($9::uuid IS NULL OR coalesce(o.approval_id, i.approval_id) = $9)
                 AND ($10::text IS NULL OR i.action ILIKE $10 OR i.request_id::text ILIKE $10 OR coalesce(i.tool, '') ILIKE $10
                      OR $12 AND (i.request ILIKE $10 OR o.response ILIKE $10
                          OR strpos(i.request, '\') > 0 AND i.request ~* $11 OR strpos(o.response, '\') > 0 AND o.response ~* $11))
               LIMIT $15) found
           GROUP BY 1 ORDER BY 1"#,
        scope.org().0,
        filter.from,
        filter.to,
        filter.actor,
        filter.action,
        filter.toolkit,
        filter.tool,
        filter.status.as_deref(),
        filter.approval.map(|id| id.0),
        pattern.as_ref().map(|pattern| &pattern.like),
        pattern.as_ref().map(|pattern| &pattern.escaped),
        filter.in_bodies,
        f64::from(seconds),
        &failures,
        most,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(tallies)
}
