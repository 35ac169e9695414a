//! Taking audit records away as a file: on record before the first byte leaves, by who may read them for
//! as long as it lasts, and by few at a time ([`exports`](super::exports)).

use domain::Right;
use serde::Serialize;
use serde_json::json;

use super::{
    Base,
    access::{self, OrgAccess},
    change,
    exports::ExportSeat,
};
use crate::{
    audit::export::Format,
    error::{Error, Result},
};

/// Whether an export may go on: the server is not stopping, the seat is still its own, and who asked for
/// it may still read what it reads. `bodies`: requests and responses too.
///
/// # Errors
/// When one of that is not so, or it cannot be known.
pub async fn may_go_on(services: &Base, access: &OrgAccess, seat: &ExportSeat, bodies: bool) -> Result<()> {
    if services.stop.is_cancelled() {
        return Err(Error::unavailable("the server is stopping"));
    }
    seat.keep(services.clock.elapsed())?;
    access::still_valid(services, &access.actor).await?;
    let now = OrgAccess::again(services, access).await?;
    now.require(Right::ReadAudit)?;
    if bodies {
        now.require(Right::ReadAuditBodies)?;
    }
    Ok(())
}

/// Records that somebody exports what `filters` names, with or without requests and responses.
///
/// # Errors
/// When it cannot be recorded: then nothing may leave.
pub async fn record(
    services: &Base,
    access: &OrgAccess,
    format: Format,
    filters: &impl Serialize,
    bodies: bool,
) -> Result<()> {
    let mut scope = change::begin(services, access).await?;
    let request = json!({"format": format.name(), "filters": filters, "bodies": bodies});
    let about = change::About::default();
    change::record(services, &mut scope, Some(&access.actor), "export_audit", &request, None::<&()>, &about).await?;
    scope.commit().await
}
