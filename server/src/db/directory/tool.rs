//! The tools of a snapshot: those that a toolkit has. What else upstreams offer is as much as they like, and no call can
//! reach it.

use std::{collections::HashMap, sync::Arc};

use domain::{
    ToolId,
    directory::{Directory, Tool},
};
use uuid::Uuid;

use super::{odd, sha256};
use crate::{db::SystemScope, error::Result};

/// Definitions that are read with one query: each has up to 256 KiB.
const AT_ONCE: usize = 200;

/// Definitions by the SHA-256 of their text.
type Texts = HashMap<[u8; 32], Arc<str>>;

/// Reads the tools that toolkits have. Definitions that `before` has are not read again: whatever anybody changes, all of
/// this is read, and definitions are most of it.
pub(super) async fn load(scope: &mut SystemScope, before: Option<&Directory>) -> Result<HashMap<ToolId, Arc<Tool>>> {
    let rows = sqlx::query!(
        "SELECT id, connection_id, name, seen_text_sha256, seen_sha256, reviewed_sha256, offered FROM tools
         WHERE id IN (SELECT tool_id FROM toolkit_tools)"
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
    let mut tools = HashMap::with_capacity(rows.len());
    for row in rows {
        let text_sha256 = sha256("tools", row.id, &row.seen_text_sha256)?;
        let tool = Tool {
            id: row.id.into(),
            connection: row.connection_id.into(),
            name: row.name.into(),
            definition: texts.get(&text_sha256).ok_or_else(|| odd("tools", row.id, "has no definition"))?.clone(),
            text_sha256,
            seen_sha256: sha256("tools", row.id, &row.seen_sha256)?,
            reviewed_sha256: sha256("tools", row.id, &row.reviewed_sha256)?,
            offered: row.offered,
        };
        tools.insert(tool.id, Arc::new(tool));
    }
    Ok(tools)
}

async fn read(scope: &mut SystemScope, ids: &[Uuid], texts: &mut Texts) -> Result<()> {
    let rows = sqlx::query!("SELECT id, seen_text_sha256, seen_definition FROM tools WHERE id = ANY ($1)", ids);
    for row in rows.fetch_all(scope.conn()).await? {
        texts.insert(sha256("tools", row.id, &row.seen_text_sha256)?, row.seen_definition.into());
    }
    Ok(())
}

fn texts(directory: &Directory) -> Texts {
    let toolkits = directory.orgs.values().flat_map(|org| org.toolkits.values());
    let tools = toolkits.flat_map(|toolkit| &toolkit.tools).map(|exposed| &exposed.tool);
    tools.map(|tool| (tool.text_sha256, tool.definition.clone())).collect()
}
