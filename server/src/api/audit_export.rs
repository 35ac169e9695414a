//! `/orgs/{org}/audit/export`: the records that a list would give, as a file that is written while it is
//! read. Each batch is a short transaction of its own.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use domain::{AuditId, Right};
use futures::stream;
use serde::Deserialize;

use super::{
    audit::{AuditFilters, with_bodies},
    authorize::{Allowed, ReadAudit},
    page::Query,
};
use crate::{
    audit::export::Format,
    db::{
        OrgScope,
        audit::{Filter, Row, list},
    },
    error::{Error, Result},
    service::{Services, audit_export},
};

/// How many records are read at once.
const BATCH: i64 = 500;
/// How many with their bodies, which may be large.
const BATCH_WITH_BODIES: i64 = 20;
/// How long one batch may be searched for: rare records are far apart.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to export: `format` is `jsonl` or `csv`, the filters are the list's.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `jsonl` or `csv`.
    #[param(required = true)]
    format: Option<String>,
    #[serde(flatten)]
    #[param(ignore)]
    filters: AuditFilters,
}

/// Exports records as a file, newest first; requests and responses only for who may see them.
///
/// The body ends as a broken one when not everything could be read. The export itself is on record.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit/export",
    tag = "audit",
    params(ExportQuery, AuditFilters),
    responses((
        status = OK,
        description = "The records: one JSON object a line (as `GET …/audit/{id}` gives them), or CSV with a header.",
        content((String = "application/jsonl"), (String = "text/csv")),
    )),
    security(("bearer" = ["audit:read"])),
)]
pub async fn export_audit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(query): Query<ExportQuery>,
) -> Result<Response> {
    let format = query.format.as_deref().and_then(Format::named);
    let format = format.ok_or_else(|| Error::invalid("format", "must be `jsonl` or `csv`"))?;
    let access = access.0;
    let bodies = access.rights.has(Right::ReadAuditBodies);
    audit_export::record(&services, &access, format, &query.filters, bodies).await?;
    let limit = if bodies { BATCH_WITH_BODIES } else { BATCH };
    let filter = Filter { limit, patience: PATIENCE, ..query.filters.filter(bodies) };
    let now = services.clock.now().format("%Y%m%dT%H%M%SZ");
    let name = format!("permesso-{}-audit-{now}.{}", access.org.slug, format.name());
    let mut export = Export { services, org: access.org.id, filter, format, done: false };
    // What cannot even begin is an error like any other.
    let mut first = format.head()?;
    first.extend(export.next().await?);
    let rest = stream::try_unfold(export, |mut export| async move {
        if export.done {
            return Ok(None);
        }
        let bytes = export.next().await.inspect_err(Error::log)?;
        Ok::<_, Error>(Some((Bytes::from(bytes), export)))
    });
    let body = stream::StreamExt::chain(stream::iter([Ok(Bytes::from(first))]), rest);
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (HeaderName::from_static("x-accel-buffering"), "no".to_owned()),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// An export under way.
struct Export {
    services: Arc<Services>,
    org: domain::OrgId,
    filter: Filter,
    format: Format,
    done: bool,
}

impl Export {
    /// The next records, encoded.
    async fn next(&mut self) -> Result<Vec<u8>> {
        if self.services.stop.is_cancelled() {
            return Err(Error::unavailable("the server is stopping"));
        }
        let rows = self.read().await?;
        self.done = i64::try_from(rows.len()).unwrap_or(i64::MAX) < self.filter.limit;
        if let Some(last) = rows.last() {
            self.filter.before = Some(AuditId(last.id));
        }
        let records: Vec<_> = rows.into_iter().map(with_bodies).collect();
        self.format.encode(&records)
    }

    async fn read(&self) -> Result<Vec<Row>> {
        let _turn = self.services.audit_readers.acquire().await.map_err(Error::internal)?;
        let mut scope = OrgScope::begin(&self.services.db, self.org).await?;
        list(&mut scope, &self.filter).await
    }
}
