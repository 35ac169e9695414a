//! The definitions of tools that approvals keep, byte for byte: up to 256 KiB each, and two of a request. A list
//! reads none of them with its rows.

use std::collections::HashMap;

use domain::ApprovalId;
use uuid::Uuid;

use crate::{
    db::OrgScope,
    error::{Error, Result},
};

/// How much [`some_definitions`] reads at most, in bytes.
pub const DEFINITION_BYTES: i64 = 4 * 1024 * 1024;

/// The definition when asked and, where it differed, the one reviewed.
///
/// # Errors
/// Not found; when Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn definitions(scope: &mut OrgScope, id: ApprovalId) -> Result<(String, Option<String>)> {
    let row = sqlx::query!(
        "SELECT definition, reviewed_definition FROM approvals WHERE org_id = $1 AND id = $2",
        scope.org().0,
        id.0,
    )
    .fetch_optional(scope.conn())
    .await?;
    row.map(|row| (row.definition, row.reviewed_definition)).ok_or_else(Error::not_found)
}

/// The definitions of these approvals by approval, newest first, as long as they have not more than
/// [`DEFINITION_BYTES`] together.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn some_definitions(scope: &mut OrgScope, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        "SELECT id, definition FROM approvals WHERE org_id = $1 AND id IN (
             SELECT id FROM (
                 SELECT id, sum(octet_length(definition)) OVER (ORDER BY id DESC) AS so_far
                 FROM approvals WHERE org_id = $1 AND id = ANY($2)) AS sums
             WHERE so_far <= $3)",
        scope.org().0,
        ids,
        DEFINITION_BYTES,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.definition)).collect())
}
