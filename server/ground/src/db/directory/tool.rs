//! The tools of an org: those that a toolkit has. What else upstreams offer is as much as they like, and no call can
//! reach it.

use std::{collections::HashMap, sync::Arc};

use domain::{
    OrgId, ToolId,
    directory::{Org, Tool},
};
use sqlx::types::Json;
use tokio::task::spawn_blocking;
use uuid::Uuid;
use wire::definition::{Hints, normal_sha256};

use super::{odd, sha256};
use crate::{
    db::{SystemScope, reviewed::Reviewed},
    error::{Error, Result},
};

/// Definitions that are read with one query: each has up to 256 KiB.
const AT_ONCE: usize = 200;

/// Definitions by the SHA-256 of their text, with that of the normalised form where it was looked at.
type Texts = HashMap<[u8; 32], (Arc<str>, Option<[u8; 32]>)>;

/// Reads the tools that an org's toolkits have. Definitions that `before` has are not read again: whatever anybody changes
/// in the org, all of this is read, and definitions are most of it.
#[tracing::instrument(level = "debug", skip_all)]
pub(super) async fn load(
    scope: &mut SystemScope,
    org: OrgId,
    before: Option<&Org>,
) -> Result<HashMap<ToolId, Arc<Tool>>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.connection_id, t.name, t.seen_text_sha256, t.seen_sha256, t.offered,
                  t.seen_sha256 = t.reviewed_sha256 AS "is_reviewed!", c.trust_definitions,
                  CASE WHEN t.seen_sha256 <> t.reviewed_sha256 THEN t.reviewed END AS "reviewed: Json<Vec<Reviewed>>"
           FROM tools t JOIN connections c ON c.id = t.connection_id
           WHERE t.org_id = $1 AND t.id IN (SELECT tool_id FROM toolkit_tools WHERE org_id = $1)"#,
        org.0
    )
    .fetch_all(scope.conn())
    .await?;
    let mut texts = before.map(texts).unwrap_or_default();
    let mut unread = HashMap::new();
    for row in &rows {
        let text_sha256 = sha256("tools", row.id, &row.seen_text_sha256)?;
        if !texts.contains_key(&text_sha256) {
            unread.insert(text_sha256, row.id);
        }
    }
    let unread: Vec<Uuid> = unread.into_values().collect();
    for ids in unread.chunks(AT_ONCE) {
        read(scope, ids, &mut texts).await?;
    }
    let doubtful = rows.iter().filter(|row| !row.is_reviewed);
    let doubtful = doubtful.map(|row| sha256("tools", row.id, &row.seen_text_sha256)).collect::<Result<Vec<_>>>()?;
    normalise(&doubtful, &mut texts).await?;
    let mut tools = HashMap::with_capacity(rows.len());
    for row in rows {
        let text_sha256 = sha256("tools", row.id, &row.seen_text_sha256)?;
        let (definition, normal) = texts.get(&text_sha256).ok_or_else(|| odd("tools", row.id, "has no definition"))?;
        let reviewed = row.reviewed.map(|reviewed| reviewed.0).unwrap_or_default();
        let is_covered = || row.trust_definitions && is_trusted(definition, &reviewed);
        // What cannot be compared is no reviewed definition.
        let is_reviewed = row.is_reviewed || normal.is_some_and(|normal| is_reviewed(&reviewed, &normal));
        let changed = !is_reviewed && !is_covered();
        let tool = Tool {
            id: row.id.into(),
            connection: row.connection_id.into(),
            name: row.name.into(),
            definition: definition.clone(),
            text_sha256,
            seen_sha256: sha256("tools", row.id, &row.seen_sha256)?,
            normal_sha256: *normal,
            changed,
            offered: row.offered,
        };
        tools.insert(tool.id, Arc::new(tool));
    }
    Ok(tools)
}

/// Finds the normalised forms of these texts where they are not known yet, beside the workers: definitions are as large
/// and as many as upstreams like.
async fn normalise(doubtful: &[[u8; 32]], texts: &mut Texts) -> Result<()> {
    let unknown = |sha256: &[u8; 32]| match texts.get(sha256) {
        Some((text, None)) => Some((*sha256, text.clone())),
        _ => None,
    };
    let unknown: Vec<_> = doubtful.iter().filter_map(unknown).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let normalised = spawn_blocking(move || {
        let found = unknown.into_iter().map(|(sha256, text)| (sha256, normal_sha256(&text).ok()));
        found.collect::<Vec<_>>()
    });
    for (sha256, normal) in normalised.await.map_err(Error::internal)? {
        if let Some((_, known)) = texts.get_mut(&sha256) {
            *known = normal;
        }
    }
    Ok(())
}

fn is_reviewed(reviewed: &[Reviewed], normal_sha256: &[u8; 32]) -> bool {
    let normal_sha256 = hex::encode(normal_sha256);
    reviewed.iter().any(|reviewed| reviewed.normal_sha256 == normal_sha256)
}

/// Whether trust covers a changed definition: not where the tool became destructive.
fn is_trusted(definition: &str, reviewed: &[Reviewed]) -> bool {
    let hints = serde_json::from_str(definition).map(Hints::read).unwrap_or_default();
    hints.destructive != Some(true) || reviewed.last().is_some_and(|last| last.destructive)
}

#[tracing::instrument(level = "debug", skip_all)]
async fn read(scope: &mut SystemScope, ids: &[Uuid], texts: &mut Texts) -> Result<()> {
    let rows = sqlx::query!("SELECT id, seen_text_sha256, seen_definition FROM tools WHERE id = ANY ($1)", ids);
    for row in rows.fetch_all(scope.conn()).await? {
        texts.insert(sha256("tools", row.id, &row.seen_text_sha256)?, (row.seen_definition.into(), None));
    }
    Ok(())
}

fn texts(org: &Org) -> Texts {
    let tools = org.toolkits.values().flat_map(|toolkit| &toolkit.tools).map(|exposed| &exposed.tool);
    tools.map(|tool| (tool.text_sha256, (tool.definition.clone(), tool.normal_sha256))).collect()
}
