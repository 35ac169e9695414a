//! `/orgs/{org}/audit/export`: the records that a list would give, as a file that is written while it is
//! read. Each batch is a short transaction of its own, for who may still read it then.

use std::{collections::HashMap, sync::Arc, time::Duration};

use api_types::AuditRecordDetail;
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use domain::{AuditId, Right};
use futures::stream;
use uuid::Uuid;

use super::audit::{AuditFilters, deciders, with_bodies};
use crate::{
    api::support::{
        authorize::{Allowed, ReadAudit},
        page::{FromQuery, Parameters, Query},
    },
    audit::export::Format,
    db::{
        OrgScope, Reason,
        audit::{Bodies, Filter, Row, list},
    },
    error::{Error, Result},
    service::{Services, access::OrgAccess, audit_export, exports::ExportSeat},
};

/// How many records are read at once.
const BATCH: i64 = 500;
/// How many with their bodies, in which a search takes longer to find them.
const BATCH_WITH_BODIES: i64 = 20;
/// How many bytes of bodies at once, but for the last record.
const BATCH_BYTES: i64 = 8 * 1024 * 1024;
/// How many bytes are encoded without leaving the thread that serves others too.
const QUICK: i64 = 1024 * 1024;
/// How long one batch may be searched for: rare records are far apart.
const PATIENCE: Duration = Duration::from_secs(60);

/// What to export: `format` is `jsonl` or `csv`, the filters are the list's.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `jsonl` or `csv`.
    #[param(inline, value_type = api_types::words::ExportFormat)]
    format: Format,
    #[param(ignore)]
    filters: AuditFilters,
}

impl FromQuery for ExportQuery {
    fn take(parameters: &mut Parameters) -> Result<Self> {
        let format = parameters.text("format")?.as_deref().and_then(Format::named);
        let format = format.ok_or_else(|| Error::invalid("format", "must be `jsonl` or `csv`"))?;
        Ok(Self { format, filters: AuditFilters::take(parameters)? })
    }
}

/// Exports records as a file, newest first; requests and responses only for who may see them, else the file's name and
/// each record say that they are left out.
///
/// The body ends as a broken one when not everything could be read, and when the right to read it ends. The
/// export itself is on record. One at a time for each actor. CSV is made harmless for spreadsheets with
/// apostrophes: one before a cell that holds what could be run, one before each place inside of it; JSON
/// Lines hold everything as it is.
#[utoipa::path(
    get,
    path = "/orgs/{org}/audit/export",
    tag = "audit",
    params(ExportQuery, AuditFilters),
    responses((
        status = OK,
        description = "The records: one JSON object a line (as `GET …/audit/{id}` gives them), or CSV with a header.",
        content((String = "application/jsonl"), (String = "text/csv")),
    ), (status = TOO_MANY_REQUESTS, description = "`too_many_exports`")),
    security(("bearer" = ["audit:read"])),
)]
pub async fn export_audit(
    State(services): State<Arc<Services>>,
    access: Allowed<ReadAudit>,
    Query(query): Query<ExportQuery>,
) -> Result<Response> {
    let (access, format) = (access.0, query.format);
    let bodies = access.rights.has(Right::ReadAuditBodies);
    let seat = ExportSeat::take(&services.views.exports, access.actor.principal, services.clock.elapsed())?;
    audit_export::record(&services, &access, format, &query.filters, bodies).await?;
    let limit = if bodies { BATCH_WITH_BODIES } else { BATCH };
    let read = if bodies { Bodies::All } else { Bodies::None };
    let filter = Filter { limit, read, bytes: BATCH_BYTES, patience: PATIENCE, ..query.filters.filter(bodies) };
    let now = services.clock.now().format("%Y%m%dT%H%M%SZ");
    let left_out = if bodies { "" } else { "-without-bodies" };
    let name = format!("permesso-{}-audit-{now}{left_out}.{}", access.org.slug, format.name());
    let mut export = Export { services, access, seat, filter, format, done: false };
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
    /// Who asked for it, as they were then.
    access: OrgAccess,
    seat: ExportSeat,
    filter: Filter,
    format: Format,
    done: bool,
}

impl Export {
    /// The next records, encoded.
    async fn next(&mut self) -> Result<Vec<u8>> {
        audit_export::may_go_on(&self.services, &self.access, &self.seat, self.filter.in_bodies).await?;
        let (rows, deciders) = self.read().await?;
        let bytes = rows.iter().map(bytes).sum::<i64>();
        self.done = i64::try_from(rows.len()).unwrap_or(i64::MAX) < self.filter.limit && bytes < self.filter.bytes;
        if let Some(last) = rows.last() {
            self.filter.before = Some(AuditId(last.id));
        }
        let records: Vec<_> = rows.into_iter().map(|row| with_bodies(row, &deciders, self.filter.in_bodies)).collect();
        encode(self.format, records, bytes).await
    }

    /// The next records, and who decided the approvals that they belong to.
    async fn read(&self) -> Result<(Vec<Row>, HashMap<Uuid, String>)> {
        let _turn = self.services.views.exports.turn().await?;
        let mut scope = OrgScope::system(&self.services.db.people, self.access.org.id, Reason::Callers).await?;
        let rows = list(&mut scope, &self.filter).await?;
        let deciders = deciders(&mut scope, &rows).await?;
        Ok((rows, deciders))
    }
}

/// How large a record's bodies are.
fn bytes(row: &Row) -> i64 {
    let length = |body: &Option<String>| body.as_ref().map_or(0, String::len);
    i64::try_from(length(&row.request) + length(&row.response)).unwrap_or(i64::MAX)
}

async fn encode(format: Format, records: Vec<AuditRecordDetail>, bytes: i64) -> Result<Vec<u8>> {
    if bytes <= QUICK {
        return format.encode(&records);
    }
    tokio::task::spawn_blocking(move || format.encode(&records)).await.map_err(Error::internal)?
}
