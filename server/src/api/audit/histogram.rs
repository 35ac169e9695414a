//! `/orgs/{org}/audit/histogram`: how many records there are, by time.

use std::sync::Arc;

use api_types::{AuditBucket, AuditHistogram};
use axum::{Json, extract::State};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Right;

use super::{AuditFilters, turn};
use crate::{
    api::support::{
        authorize::{Allowed, ReadAudit},
        page::{FromQuery, Parameters, Query},
    },
    db::{
        OrgScope,
        audit::{
            Filter,
            tally::{Tally, histogram},
        },
    },
    error::{Error, Result},
    service::Services,
};

/// The widths of buckets, in seconds: a minute, an hour, a day.
pub const WIDTHS: [u32; 3] = [60, 3600, 86_400];
/// How many buckets there are at most between `from` and `to`.
const BUCKETS: i64 = 1_000;
/// How long before `to` it begins, unless `from` is given.
const USUAL: TimeDelta = TimeDelta::days(1);

/// What to count: the filters are the list's. Without `to` it ends now, and without `from` it begins 24 hours before it
/// ends.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HistogramQuery {
    /// How wide a bucket is, in seconds. At most 1,000 of them lie between `from` and `to`.
    #[param(value_type = Option<u32>, default = 3600)]
    bucket: u32,
    #[param(ignore)]
    filters: AuditFilters,
}

impl FromQuery for HistogramQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        let bucket = parameters.value("bucket", WRONG_WIDTH)?.unwrap_or(3600);
        if !WIDTHS.contains(&bucket) {
            return Err(Error::invalid("bucket", WRONG_WIDTH));
        }
        Ok(Self { bucket, filters: AuditFilters::take(parameters)? })
    }
}

const WRONG_WIDTH: &str = "must be 60, 3600 or 86400";

/// Counts records by the time at which they began.
///
/// Of each bucket it says how many failed or were refused (`error`, `refused`, `rejected`, `failed`, `unknown`), and how many
/// did not (`ok`, `held`, `replayed`, `interrupted`). Buckets begin at multiples of their width since 1970 in UTC; those
/// in which nothing began are missing, and what began outside of `from` and `to` is not counted in the first and the last.
/// Without `to` it ends now, and without `from` it begins 24 hours before it ends.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit/histogram",
    tag = "audit",
    params(HistogramQuery, AuditFilters),
    responses((status = OK, body = AuditHistogram)),
    security(("bearer" = ["audit:read"])),
)]
pub async fn get_audit_histogram(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(HistogramQuery { bucket, mut filters }): Query<HistogramQuery>,
) -> Result<Json<AuditHistogram>> {
    let to = filters.to.unwrap_or_else(|| services.clock.now());
    let from = match filters.from {
        Some(from) => from,
        None => to.checked_sub_signed(USUAL).ok_or_else(|| Error::invalid("to", "is too long ago"))?,
    };
    fits(from, to, bucket)?;
    (filters.from, filters.to) = (Some(from), Some(to));
    let filter: Filter = filters.filter(access.0.rights.has(Right::ReadAuditBodies));
    let _turn = turn(&services).await?;
    let mut scope = OrgScope::begin(&services.db.people, access.0.org.id).await?;
    let items = histogram(&mut scope, &filter, bucket).await?.into_iter().map(counted).collect();
    Ok(Json(AuditHistogram { items }))
}

fn counted(tally: Tally) -> AuditBucket {
    AuditBucket { at: tally.at, ok: tally.ok.unsigned_abs(), failed: tally.failed.unsigned_abs() }
}

/// Refuses what has too many buckets, with the width that fits.
fn fits(from: DateTime<Utc>, to: DateTime<Utc>, bucket: u32) -> Result<()> {
    if from > to {
        return Err(Error::invalid("from", "must not be after `to`, which is now unless it is given"));
    }
    let buckets = |width: u32| {
        let width = i64::from(width);
        // What begins at `to` is not counted.
        let last = to.checked_sub_signed(TimeDelta::microseconds(1)).unwrap_or(to).max(from);
        last.timestamp().div_euclid(width) - from.timestamp().div_euclid(width) + 1
    };
    if buckets(bucket) <= BUCKETS {
        return Ok(());
    }
    match WIDTHS.into_iter().find(|width| buckets(*width) <= BUCKETS) {
        Some(width) => {
            let message = format!("must be {width} or more: at most 1,000 buckets lie between `from` and `to`");
            Err(Error::invalid("bucket", message))
        }
        None => Err(Error::invalid("from", "must be at most 999 days before `to`, with `bucket=86400`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    fn said(from: &str, to: &str, bucket: u32) -> String {
        match fits(at(from), at(to), bucket) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_width_that_fits_is_named() {
        assert_eq!(said("2026-11-01T00:00:00Z", "2026-11-01T16:39:59Z", 60), "");
        assert_eq!(said("2026-11-01T00:00:00Z", "2026-11-01T16:40:00Z", 60), "", "1,000 buckets, the end excluded");
        assert!(said("2026-11-01T00:00:00Z", "2026-11-01T16:40:01Z", 60).contains("must be 3600 or more"));
        assert!(said("2026-10-01T00:00:00Z", "2026-11-30T00:00:00Z", 60).contains("must be 86400 or more"));
        assert!(said("0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 86_400).contains("999 days"));
        assert!(said("2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z", 60).contains("not be after"));
        assert_eq!(said("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", 60), "", "before 1970 too");
    }
}
