//! What a new list of an upstream's tools changes in what is known of them. No IO. Everything in a list is as the upstream
//! likes: how many, how long, called what.

use std::collections::{BTreeMap, HashMap};

use api_types::{FoundTool, LeftOut, Refreshed, UnusableTool};
use domain::ToolId;
use serde_json::value::RawValue;
use wire::{
    canonical::sha256,
    definition::{ToolDefinition, normal_sha256},
    listed::{allowed, output_problem},
    normal::normal,
};

use crate::{
    db::tool::{Known, Seen},
    directory::harmful,
};

/// How many tools of a connection are kept: those of its list, and those that are no longer in it and a toolkit has.
const MOST: usize = 20_000;
/// How long their definitions are together, in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How many names or problems of each kind are told and put on record.
const TOLD: usize = 50;
/// How much of a problem is told, in characters: it may repeat what the upstream wrote.
const PROBLEM: usize = 300;

/// A list as it can be used.
#[derive(Default)]
pub(super) struct Listed {
    tools: BTreeMap<String, ListedTool>,
    unusable: Vec<UnusableTool>,
}

struct ListedTool {
    seen: Seen,
    text_sha256: [u8; 32],
}

/// The first tools of a list.
pub(super) struct Found {
    /// They, in short, by name.
    pub(super) first: Vec<FoundTool>,
    /// How many there are.
    pub(super) count: usize,
}

/// What a list changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Tools that were not known.
    pub(super) new: Vec<Seen>,
    /// Tools that are to be written again.
    pub(super) seen_again: Vec<(ToolId, Seen)>,
    /// Tools that are not listed, and are to be withdrawn or forgotten.
    pub(super) gone: Vec<ToolId>,
    /// What is told of it, and put on record.
    pub(super) report: Refreshed,
}

/// Reads a list. Of a name that is listed twice, the first counts. Of a tool whose output schema not every client is told
/// that is said as well, though it can be used.
pub(super) fn read(list: &[Box<RawValue>]) -> Listed {
    let mut listed = Listed::default();
    for (index, raw) in list.iter().enumerate() {
        let problem = match definition(raw) {
            Ok(definition) if listed.tools.contains_key(&definition.name) => {
                format!("the name `{}` is listed twice", definition.name.escape_debug())
            }
            Ok(definition) => {
                let text_sha256 = sha256(raw.get().as_bytes());
                if let Some(problem) = output_problem(raw) {
                    listed.note(index, &format!("`{}`: {problem}", definition.name.escape_debug()));
                }
                let ToolDefinition { name, sha256, hints, .. } = definition;
                let seen = Seen {
                    name: name.clone(),
                    definition: raw.get().to_owned(),
                    sha256,
                    // Looked at where it counts: nearly always nothing changed.
                    normal_sha256: sha256,
                    destructive: hints.destructive == Some(true),
                    changed: true,
                };
                listed.tools.insert(name, ListedTool { seen, text_sha256 });
                continue;
            }
            Err(problem) => problem,
        };
        listed.note(index, &problem);
    }
    listed
}

impl Listed {
    /// The first tools in short, and what cannot be used.
    pub(super) fn found(self, most: usize) -> (Found, Vec<UnusableTool>) {
        let count = self.tools.len();
        let short = |(name, tool): (String, ListedTool)| {
            let raw = serde_json::from_str::<Box<RawValue>>(&tool.seen.definition).ok();
            let definition = raw.and_then(|raw| ToolDefinition::parse(&raw).ok());
            let hints = definition.as_ref().map(|definition| definition.hints).unwrap_or_default();
            FoundTool {
                name,
                description: definition.and_then(|definition| definition.description).map(|text| begins(&text)),
                read_only: hints.read_only == Some(true),
                destructive: hints.destructive == Some(true),
            }
        };
        (Found { first: self.tools.into_iter().take(most).map(short).collect(), count }, self.unusable)
    }

    fn note(&mut self, index: usize, problem: &str) {
        self.unusable.push(UnusableTool { index, problem: problem.chars().take(PROBLEM).collect() });
    }
}

fn begins(description: &str) -> String {
    description.chars().take(PROBLEM).collect()
}

/// The known tools of which it takes their definitions to say whether the list changes them: those written differently.
pub(super) fn doubtful(known: &[Known], listed: &Listed) -> Vec<ToolId> {
    let is_doubtful =
        |known: &&Known| listed.tools.get(&known.name).is_some_and(|entry| known.text_sha256 != entry.text_sha256);
    known.iter().filter(is_doubtful).map(|known| known.id).collect()
}

/// Compares a list with what is known; `texts` are the definitions of those that are [`doubtful`].
///
/// # Errors
/// In words, when more would have to be kept than is kept of a connection.
pub(super) fn compare(known: Vec<Known>, listed: Listed, texts: &HashMap<ToolId, String>) -> Result<Changes, String> {
    let mut changes = Changes::default();
    let mut known: BTreeMap<String, Known> = known.into_iter().map(|tool| (tool.name.clone(), tool)).collect();
    let mut count = listed.tools.len();
    let mut bytes: usize = listed.tools.values().map(|entry| entry.seen.definition.len()).sum();
    let (mut added, mut changed, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    // In the order of names, so that two replicas that list at once lock the rows in the same order.
    for (name, ListedTool { mut seen, text_sha256 }) in listed.tools {
        let Some(before) = known.remove(&name) else {
            added.push(name);
            seen.normal_sha256 = normalised(&seen);
            changes.new.push(seen);
            continue;
        };
        let text = texts.get(&before.id);
        let same_text =
            before.text_sha256 == text_sha256 || text.is_some_and(|before| same_json(before, &seen.definition));
        if before.offered && same_text && before.is_current {
            continue;
        }
        seen.normal_sha256 = normalised(&seen);
        let same_review = same_text
            || before.sha256 == seen.sha256
            || text.is_some_and(|before| normal_sha256(before).is_ok_and(|before| before == seen.normal_sha256));
        // An earlier version of the gateway took a reviewed definition that was written otherwise for another one.
        let is_reviewed = || before.reviewed.contains(&hex::encode(seen.normal_sha256));
        if before.offered && same_text && !is_reviewed() {
            continue;
        }
        seen.changed = !same_review;
        if !same_review {
            changed.push(name);
        } else if !before.offered {
            added.push(name);
        }
        changes.seen_again.push((before.id, seen));
    }
    for (name, before) in known {
        if before.exposed {
            count += 1;
            bytes += usize::try_from(before.bytes).unwrap_or_default();
        }
        // What was withdrawn before and no toolkit has any longer is forgotten without a word.
        if before.offered {
            gone.push(name);
            changes.gone.push(before.id);
        } else if !before.exposed {
            changes.gone.push(before.id);
        }
    }
    if count > MOST || bytes > MOST_BYTES {
        return Err(format!(
            "with the tools that it no longer lists and toolkits still have, it would have {count} tools of {bytes} bytes, \
             and {MOST} tools of {MOST_BYTES} bytes are kept; take tools that are no longer offered out of the toolkits"
        ));
    }
    changes.report = report(added, changed, gone, listed.unusable);
    Ok(changes)
}

fn report(
    mut added: Vec<String>,
    mut changed: Vec<String>,
    mut gone: Vec<String>,
    mut unusable: Vec<UnusableTool>,
) -> Refreshed {
    let left_out = LeftOut {
        added: cut(&mut added),
        changed: cut(&mut changed),
        gone: cut(&mut gone),
        unusable: cut(&mut unusable),
    };
    let left_out = Some(left_out).filter(|left_out| *left_out != LeftOut::default());
    Refreshed { added, changed, gone, unusable, left_out }
}

/// Cuts a list to what is told of it, and says how much that leaves out.
fn cut<T>(list: &mut Vec<T>) -> usize {
    let more = list.len().saturating_sub(TOLD);
    list.truncate(TOLD);
    more
}

/// An upstream that writes the same members, or the same sets, in another order each time changes nothing.
fn same_json(before: &str, now: &str) -> bool {
    matches!((normal(before), normal(now)), (Ok(before), Ok(now)) if before == now)
}

/// The SHA-256 of the normalised form. Each definition that was read has one.
fn normalised(seen: &Seen) -> [u8; 32] {
    normal_sha256(&seen.definition).unwrap_or(seen.sha256)
}

fn definition(raw: &RawValue) -> Result<ToolDefinition, String> {
    // Before anything else is done with it; and clients would have to read it as well.
    if let Some(why) = harmful(raw.get()) {
        return Err(why);
    }
    let named = |problem: String| match ToolDefinition::name(raw) {
        Some(name) => format!("`{}`: {problem}", name.escape_debug()),
        None => problem,
    };
    allowed(raw).map_err(|error| named(error.to_string()))?;
    let definition = ToolDefinition::parse(raw).map_err(|error| named(error.to_string()))?;
    // Postgres keeps no NUL, and nobody could tell such names apart.
    if definition.name.contains('\0') || definition.name.len() > 512 {
        return Err("the tool's name is over 512 bytes long or has a NUL character".to_owned());
    }
    Ok(definition)
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
