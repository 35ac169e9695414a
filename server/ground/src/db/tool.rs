//! What connections offer: the definition last seen and the one last reviewed. The list of all that are reviewed is in
//! `reviewed`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Checked, ConnectionId, OrgId, ToolId, ToolkitToolId};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    OrgScope, SystemScope,
    reviewed::{self, Reviewed},
};
use crate::error::Result;

/// One tool.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its id.
    pub id: ToolId,
    /// Its name at the upstream.
    pub name: String,
    /// The definition last seen, byte for byte.
    pub seen_definition: String,
    /// Its SHA-256.
    pub seen_sha256: Vec<u8>,
    /// When that definition was first seen.
    pub seen_at: DateTime<Utc>,
    /// The definition last reviewed.
    pub reviewed_definition: String,
    /// Its SHA-256.
    pub reviewed_sha256: Vec<u8>,
    /// When it was reviewed.
    pub reviewed_at: DateTime<Utc>,
    /// Who reviewed it; `None` for the first definition seen.
    pub reviewed_by: Option<Uuid>,
    /// Every reviewed definition, the last reviewed one last.
    pub reviewed: Json<Vec<Reviewed>>,
    /// The `reviewed_sha256` that the list accounts for.
    pub reviewed_listed: Option<Vec<u8>>,
    /// Whether the upstream's last list had it.
    pub offered: bool,
    /// How much of its input schema is used (`domain::ArgumentsCheck`); `None`: not known yet.
    pub arguments_check: Option<String>,
    /// Why not all of it.
    pub check_note: Option<String>,
}

impl Row {
    /// How long its definitions are.
    pub fn bytes(&self) -> usize {
        self.seen_definition.len() + self.reviewed_definition.len()
    }
}

/// What is compared with an upstream's list.
#[derive(Clone, Debug)]
pub struct Known {
    /// The tool.
    pub id: ToolId,
    /// Its name at the upstream.
    pub name: String,
    /// The SHA-256 of the definition last seen, in its canonical form.
    pub sha256: Vec<u8>,
    /// The SHA-256 of its text, byte for byte.
    pub text_sha256: Vec<u8>,
    /// How long that text is.
    pub bytes: i32,
    /// Whether the last list had it.
    pub offered: bool,
    /// Whether a toolkit has it.
    pub exposed: bool,
    /// Whether the columns of an earlier version say that it is reviewed as it is.
    pub is_current: bool,
    /// The SHA-256 of the normalised forms that are reviewed, in hex.
    pub reviewed: Vec<String>,
}

/// A definition as it was just seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The tool's name at the upstream.
    pub name: String,
    /// The definition, byte for byte.
    pub definition: String,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// The SHA-256 of its normalised form.
    pub normal_sha256: [u8; 32],
    /// Whether it says that it is destructive.
    pub destructive: bool,
    /// Whether a reviewer would see another definition than the one seen before.
    pub changed: bool,
}

/// How long the definitions of one [`list`] are, but for the last of them: each has up to 256 KiB, and there are two of a
/// tool.
pub const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// Lists a connection's tools by name, up to and including the one whose definitions exceed [`PAGE_BYTES`], two at least.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn list(scope: &mut OrgScope, connection: ConnectionId, after: Option<&str>, limit: i64) -> Result<Vec<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, name, seen_definition, seen_sha256, seen_at, reviewed_definition, reviewed_sha256, reviewed_at,
                reviewed_by, reviewed AS "reviewed: Json<Vec<Reviewed>>", reviewed_listed, offered, arguments_check, check_note
         FROM tools WHERE org_id = $1 AND id IN (
             SELECT id FROM (
                 SELECT id, bytes, sum(bytes) OVER (ORDER BY name) AS so_far, row_number() OVER (ORDER BY name) AS place FROM (
                     SELECT id, name, octet_length(seen_definition) + octet_length(reviewed_definition) AS bytes
                     FROM tools WHERE org_id = $1 AND connection_id = $2 AND ($3::text IS NULL OR name > $3)
                     ORDER BY name LIMIT $4) AS page) AS sums
             WHERE so_far - bytes <= $5 OR place <= 2)
         ORDER BY name"#,
        scope.org().0,
        connection.0,
        after,
        limit,
        PAGE_BYTES as i64,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Finds a tool by its name at the upstream and locks it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn find(scope: &mut OrgScope, connection: ConnectionId, name: &str) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, name, seen_definition, seen_sha256, seen_at, reviewed_definition, reviewed_sha256, reviewed_at,
                reviewed_by, reviewed AS "reviewed: Json<Vec<Reviewed>>", reviewed_listed, offered, arguments_check, check_note
         FROM tools WHERE org_id = $1 AND connection_id = $2 AND name = $3 FOR UPDATE"#,
        scope.org().0,
        connection.0,
        name,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// The tool that a toolkit exposes as this, as long as the toolkit has it.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn exposed(scope: &mut OrgScope, exposed: ToolkitToolId) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        r#"SELECT id, name, seen_definition, seen_sha256, seen_at, reviewed_definition, reviewed_sha256, reviewed_at,
                reviewed_by, reviewed AS "reviewed: Json<Vec<Reviewed>>", reviewed_listed, offered, arguments_check, check_note
         FROM tools WHERE org_id = $1 AND id = (SELECT tool_id FROM toolkit_tools WHERE org_id = $1 AND id = $2)"#,
        scope.org().0,
        exposed.0,
    )
    .fetch_optional(scope.conn())
    .await?)
}

/// Reads what is known of a connection's tools, to compare it with a new list; not the definitions, which are long.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn known(scope: &mut OrgScope, connection: ConnectionId) -> Result<Vec<Known>> {
    Ok(sqlx::query_as!(
        Known,
        r#"SELECT id, name, seen_sha256 AS sha256, seen_text_sha256 AS text_sha256,
                  octet_length(seen_definition) AS "bytes!", offered,
                  EXISTS (SELECT FROM toolkit_tools x WHERE x.tool_id = tools.id) AS "exposed!",
                  seen_sha256 = reviewed_sha256 AS "is_current!",
                  ARRAY(SELECT r ->> 'normal_sha256' FROM jsonb_array_elements(reviewed) AS r) AS "reviewed!"
           FROM tools WHERE org_id = $1 AND connection_id = $2 ORDER BY name"#,
        scope.org().0,
        connection.0,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// The definitions last seen of these tools.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn definitions(scope: &mut OrgScope, ids: &[ToolId]) -> Result<HashMap<ToolId, String>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows =
        sqlx::query!("SELECT id, seen_definition FROM tools WHERE org_id = $1 AND id = ANY ($2)", scope.org().0, &ids)
            .fetch_all(scope.conn())
            .await?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.seen_definition)).collect())
}

/// Keeps new tools: what is seen first counts as reviewed. Another replica may have been quicker.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn insert_many(
    scope: &mut OrgScope,
    connection: ConnectionId,
    new: &[Seen],
    at: DateTime<Utc>,
) -> Result<()> {
    let ids: Vec<Uuid> = new.iter().map(|_| ToolId::new().0).collect();
    let names: Vec<&str> = new.iter().map(|seen| seen.name.as_str()).collect();
    let definitions: Vec<&str> = new.iter().map(|seen| seen.definition.as_str()).collect();
    let hashes: Vec<&[u8]> = new.iter().map(|seen| seen.sha256.as_slice()).collect();
    let reviewed: Vec<serde_json::Value> = new.iter().map(|seen| reviewed::first(seen, at)).collect();
    sqlx::query!(
        "INSERT INTO tools (id, org_id, connection_id, name, seen_definition, seen_sha256, seen_at,
                            reviewed_definition, reviewed_sha256, reviewed_at, reviewed, reviewed_listed)
         SELECT n.id, $1, $2, n.name, n.definition, n.sha256, $7, n.definition, n.sha256, $7, n.reviewed, n.sha256
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::bytea[], $8::jsonb[])
             AS n (id, name, definition, sha256, reviewed)
         ORDER BY n.name ON CONFLICT (org_id, connection_id, name) DO NOTHING",
        scope.org().0,
        connection.0,
        &ids,
        &names as &[&str],
        &definitions as &[&str],
        &hashes as &[&[u8]],
        at,
        &reviewed,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Keeps what was seen of known tools; which definitions are reviewed stays, and the columns of an earlier version say
/// whether this one is. What was known of an input schema is void where the definition is another one.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn update_seen_many(scope: &mut OrgScope, seen: &[(ToolId, Seen)], at: DateTime<Utc>) -> Result<()> {
    let ids: Vec<Uuid> = seen.iter().map(|(id, _)| id.0).collect();
    let definitions: Vec<&str> = seen.iter().map(|(_, seen)| seen.definition.as_str()).collect();
    let hashes: Vec<&[u8]> = seen.iter().map(|(_, seen)| seen.sha256.as_slice()).collect();
    let normal: Vec<String> = seen.iter().map(|(_, seen)| hex::encode(seen.normal_sha256)).collect();
    let changed: Vec<bool> = seen.iter().map(|(_, seen)| seen.changed).collect();
    // Two replicas that list at once lock the rows in the same order.
    sqlx::query!(
        "SELECT id FROM tools WHERE org_id = $1 AND id = ANY ($2) ORDER BY name FOR UPDATE",
        scope.org().0,
        &ids
    )
    .fetch_all(scope.conn())
    .await?;
    sqlx::query!(
        "UPDATE tools t SET seen_definition = s.definition, offered = true, seen_sha256 = s.sha256,
                seen_at = CASE WHEN s.changed THEN $5 ELSE t.seen_at END,
                reviewed_definition = CASE WHEN l.yes THEN s.definition ELSE t.reviewed_definition END,
                reviewed_sha256 = CASE WHEN l.yes THEN s.sha256 ELSE t.reviewed_sha256 END,
                reviewed_listed = CASE WHEN l.yes THEN s.sha256 ELSE t.reviewed_listed END,
                arguments_check = CASE WHEN t.seen_sha256 = s.sha256 THEN t.arguments_check END,
                check_note = CASE WHEN t.seen_sha256 = s.sha256 THEN t.check_note END
         FROM (SELECT id, definition, sha256, changed,
                      jsonb_build_array(jsonb_build_object('normal_sha256', normal)) AS reviewed
               FROM unnest($2::uuid[], $3::text[], $4::bytea[], $6::text[], $7::boolean[])
                   AS n (id, definition, sha256, normal, changed)) AS s
         CROSS JOIN LATERAL (SELECT t0.reviewed @> s.reviewed AND t0.reviewed_listed = t0.reviewed_sha256 AS yes
                             FROM tools t0 WHERE t0.org_id = $1 AND t0.id = s.id) AS l
         WHERE t.org_id = $1 AND t.id = s.id",
        scope.org().0,
        &ids,
        &definitions as &[&str],
        &hashes as &[&[u8]],
        at,
        &normal,
        &changed,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// A tool of which it is not known yet how much of its input schema is used.
#[derive(Clone, Debug)]
pub struct Unjudged {
    /// Its org.
    pub org: OrgId,
    /// Its id.
    pub id: ToolId,
    /// The definition last seen.
    pub definition: String,
    /// Its SHA-256.
    pub sha256: Vec<u8>,
}

/// Some tools of which it is not known yet how much of their input schemas is used: of each connection a few, so that
/// one with very many does not keep others waiting. They are chosen by chance, since other replicas choose as well, and
/// before their definitions are read, which are long.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn unjudged(scope: &mut SystemScope) -> Result<Vec<Unjudged>> {
    Ok(sqlx::query_as!(
        Unjudged,
        r#"SELECT org_id AS org, id, seen_definition AS definition, seen_sha256 AS sha256 FROM tools WHERE id IN (
               SELECT t.id FROM connections c CROSS JOIN LATERAL (
                   SELECT id FROM tools WHERE connection_id = c.id AND offered AND arguments_check IS NULL
                   ORDER BY id LIMIT 5) t
               WHERE EXISTS (SELECT FROM tools WHERE offered AND arguments_check IS NULL)
               ORDER BY random() LIMIT 20)"#,
    )
    .fetch_all(scope.conn())
    .await?)
}

/// Keeps how much of an input schema is used, unless the definition is another one by now.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn judge(scope: &mut OrgScope, id: ToolId, sha256: &[u8], checked: &Checked) -> Result<()> {
    sqlx::query!(
        "UPDATE tools SET schema_usable = $4::text <> 'none', arguments_check = $4, check_note = $5
         WHERE org_id = $1 AND id = $2 AND seen_sha256 = $3",
        scope.org().0,
        id.0,
        sha256,
        checked.check.as_str(),
        checked.note,
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}

/// Notes that the upstream no longer offers these tools, and forgets those that no toolkit has: an upstream may call its
/// tools otherwise in every list.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn withdraw(scope: &mut OrgScope, ids: &[ToolId]) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    // Who puts one of them into a toolkit meanwhile locks it: then the next statement sees that.
    sqlx::query!(
        "SELECT id FROM tools WHERE org_id = $1 AND id = ANY ($2) ORDER BY name FOR UPDATE",
        scope.org().0,
        &ids
    )
    .fetch_all(scope.conn())
    .await?;
    sqlx::query!(
        "DELETE FROM tools t WHERE org_id = $1 AND id = ANY ($2)
                AND NOT EXISTS (SELECT FROM toolkit_tools x WHERE x.tool_id = t.id)",
        scope.org().0,
        &ids
    )
    .execute(scope.conn())
    .await?;
    sqlx::query!(
        "UPDATE tools SET offered = false WHERE org_id = $1 AND id = ANY ($2) AND offered",
        scope.org().0,
        &ids
    )
    .execute(scope.conn())
    .await?;
    Ok(())
}
