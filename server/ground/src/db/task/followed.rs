//! Tasks of ours that follow a task of an upstream.

use chrono::{DateTime, Utc};
use domain::{ApprovalId, ConnectionId, ToolkitToolId, approval::Binding};

use super::OrgScope;
use crate::error::Result;

/// What a call was bound to that an upstream made a task of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which tool was called.
    pub tool: ToolkitToolId,
    /// SHA-256 of its definition.
    pub definition_sha256: [u8; 32],
    /// SHA-256 of the definition's normalised form, where that is known.
    pub normal_sha256: Option<[u8; 32]>,
    /// Where it went.
    pub connection: ConnectionId,
    /// The version of that connection's configuration.
    pub connection_version: i64,
}

impl From<&Binding> for Source {
    fn from(binding: &Binding) -> Self {
        Self {
            tool: binding.toolkit_tool,
            definition_sha256: binding.definition_sha256,
            normal_sha256: None,
            connection: binding.connection,
            connection_version: binding.connection_version,
        }
    }
}

/// The upstream's task that a task of ours follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The call that it came of.
    pub source: Source,
    /// The upstream's own id of it.
    pub task: String,
    /// Until when ours is kept.
    pub kept_until: DateTime<Utc>,
}

/// Lets the open tasks of an approval follow the task that the upstream answered with.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn follow(scope: &mut OrgScope, approval: ApprovalId, followed: &Followed) -> Result<()> {
    sqlx::query!(
        "UPDATE tasks SET connection_id = $3, upstream_task = $4, kept_until = $5, connection_version = $6,
             toolkit_tool_id = $7, definition_sha256 = $8, normal_sha256 = $9
         WHERE org_id = $1 AND approval_id = $2 AND closed_at IS NULL AND upstream_task IS NULL",
        scope.org().0,
        approval.0,
        followed.source.connection.0,
        followed.task,
        followed.kept_until,
        followed.source.connection_version,
        followed.source.tool.0,
        followed.source.definition_sha256.as_slice(),
        followed.source.normal_sha256.as_ref().map(<[u8; 32]>::as_slice),
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Keeps a task that follows an upstream's longer, or less long.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn keep(scope: &mut OrgScope, id_sha256: &[u8; 32], until: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE tasks SET kept_until = $3 WHERE org_id = $1 AND id_sha256 = $2 AND upstream_task IS NOT NULL",
        scope.org().0,
        id_sha256,
        until,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Whether no other open task follows the same task of the upstream. Those that do stay locked until the
/// transaction ends: of two that are dropped at once, the second is the last.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn is_last_follower(scope: &mut OrgScope, id_sha256: &[u8; 32], followed: &Followed) -> Result<bool> {
    let open = sqlx::query_scalar!(
        "SELECT id_sha256 FROM tasks
         WHERE org_id = $1 AND connection_id = $2 AND upstream_task = $3 AND closed_at IS NULL
               AND kept_until > clock_timestamp()
         ORDER BY id_sha256 FOR UPDATE",
        scope.org().0,
        followed.source.connection.0,
        followed.task,
    )
    .fetch_all(scope.conn())
    .await?;
    Ok(open.iter().all(|open| open == id_sha256))
}
