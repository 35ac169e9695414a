//! What tools claim of themselves, for whole lists of requests. A definition has up to 256 KiB, so a list reads as
//! few as it can: what a definition claims is remembered by the definition's SHA-256, and the definitions that tools
//! have now are in the directory.

use std::collections::HashMap;

use api_types::ToolHints;
use domain::directory::Org;
use parking_lot::Mutex;
use uuid::Uuid;
use wire::definition::Hints;

use crate::{
    db::{self, OrgScope, approval::Record},
    error::Result,
};

/// How many definitions' claims are remembered: 40 bytes each.
const REMEMBERED: usize = 10_000;

/// What definitions claim, by their SHA-256.
#[derive(Default)]
pub struct KnownHints(Mutex<HashMap<[u8; 32], ToolHints>>);

impl KnownHints {
    /// The claims of these requests' definitions, by SHA-256. Definitions that no tool of `org`, the scope's, has are read, as many
    /// as [`db::approval::DEFINITION_BYTES`] have room for; of the others nothing is claimed until they are read for a
    /// later list.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(in crate::service) async fn of(
        &self,
        scope: &mut OrgScope,
        org: Option<&Org>,
        records: &[Record],
    ) -> Result<HashMap<[u8; 32], ToolHints>> {
        let (mut found, mut missing) = self.look(records);
        if missing.is_empty() {
            return Ok(found);
        }
        let mut read = HashMap::new();
        for tool in org.into_iter().flat_map(|org| org.toolkits.values()).flat_map(|toolkit| &toolkit.tools) {
            if missing.remove(&tool.tool.seen_sha256).is_some() {
                read.insert(tool.tool.seen_sha256, hints(&tool.tool.definition));
            }
        }
        let ids: Vec<Uuid> = missing.values().copied().collect();
        let definitions = db::approval::some_definitions(scope, &ids).await?;
        let old = missing.into_iter().filter_map(|(sha256, id)| Some((sha256, hints(definitions.get(&id)?))));
        read.extend(old);
        self.remember(&read);
        found.extend(read);
        Ok(found)
    }

    /// What is remembered, and for the rest an approval that has the definition.
    fn look(&self, records: &[Record]) -> (HashMap<[u8; 32], ToolHints>, HashMap<[u8; 32], Uuid>) {
        let (mut found, mut missing) = (HashMap::new(), HashMap::new());
        let known = self.0.lock();
        for record in records {
            let sha256 = record.binding.definition_sha256;
            match known.get(&sha256) {
                Some(hints) => drop(found.insert(sha256, *hints)),
                None => drop(missing.insert(sha256, record.id.0)),
            }
        }
        (found, missing)
    }

    fn remember(&self, read: &HashMap<[u8; 32], ToolHints>) {
        let mut known = self.0.lock();
        if known.len() + read.len() > REMEMBERED {
            known.clear();
        }
        known.extend(read.iter().take(REMEMBERED));
    }
}

fn hints(definition: &str) -> ToolHints {
    let hints = serde_json::from_str(definition).map(Hints::read).unwrap_or_default();
    ToolHints {
        read_only: hints.read_only,
        destructive: hints.destructive,
        idempotent: hints.idempotent,
        open_world: hints.open_world,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let known = KnownHints::default();
        for round in 0..=REMEMBERED / 1_000 {
            let read = (0..1_000).map(|n| {
                let mut sha256 = [0; 32];
                sha256[..8].copy_from_slice(&(round * 1_000 + n).to_be_bytes());
                (sha256, ToolHints::default())
            });
            known.remember(&read.collect());
            assert!(known.0.lock().len() <= REMEMBERED);
        }
    }
}
