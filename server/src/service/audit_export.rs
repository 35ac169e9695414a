//! Taking audit records away as a file is itself on record before the first byte leaves.

use serde::Serialize;
use serde_json::json;

use super::{Services, access::OrgAccess, change};
use crate::{audit::export::Format, error::Result};

/// Records that somebody exports what `filters` names, with or without requests and responses.
///
/// # Errors
/// When it cannot be recorded: then nothing may leave.
pub async fn record(
    services: &Services,
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
