//! How the parts of a schema unfold that are held against one and the same value: each `allOf` of two references to
//! parts with two references more doubles the work, and nothing of the value need be looked at for it.

use super::parts::{Part, Parts};

/// How many parts may stand one behind the other.
pub(super) const LONGEST: usize = 256;
/// How many parts one value may meet when all references are unfolded.
const UNFOLDED: usize = 4_096;
/// How many parts and names of members all `unevaluated…` keywords together may look at, references unfolded: each is
/// compiled with all of that.
const UNEVALUATED: usize = 20_000;
/// Keywords that look at what other parts have looked at.
pub(super) const UNEVALUATED_KEYWORDS: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];

/// What one value may meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// How many parts, references unfolded.
    pub(super) unfolded: usize,
    /// How much `unevaluated…` keywords look at.
    pub(super) unevaluated: usize,
}

impl Graph {
    /// Whether `unevaluated…` keywords can be used.
    pub(super) fn looks_at_too_much(&self) -> bool {
        self.unevaluated > UNEVALUATED
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Goes through the parts, each after those that it leads to; tells of each step back to an open one.
fn visit(parts: &Parts<'_>, mut done: impl FnMut(usize), mut closes: impl FnMut(usize)) {
    let mut marks = vec![Mark::New; parts.all.len()];
    for first in 0..parts.all.len() {
        if marks[first] != Mark::New {
            continue;
        }
        marks[first] = Mark::Open;
        // Not by recursion: a chain of references may be as long as the schema.
        let mut open = vec![(first, 0)];
        while let Some((part, next)) = open.last_mut() {
            let Some(&child) = parts.all[*part].in_place.get(*next) else {
                marks[*part] = Mark::Done;
                done(*part);
                open.pop();
                continue;
            };
            *next += 1;
            match marks[child] {
                Mark::New => {
                    marks[child] = Mark::Open;
                    open.push((child, 0));
                }
                Mark::Open => closes(*part),
                Mark::Done => {}
            }
        }
    }
}

/// The parts that close a circle: references lead back to them without going into a value. JSON Schema leaves undefined
/// what that means (2020-12, Core, section 9.4.1).
pub(super) fn closing(parts: &Parts<'_>) -> Vec<usize> {
    let mut closing = Vec::new();
    visit(parts, |_| {}, |from| closing.push(from));
    closing.dedup();
    closing
}

/// Measures parts without circles.
///
/// # Errors
/// Which bound the schema is over, for people.
pub(super) fn measure(parts: &Parts<'_>) -> Result<Graph, String> {
    let mut unfolded = vec![1_usize; parts.all.len()];
    let mut members = vec![1_usize; parts.all.len()];
    let mut longest = vec![1_usize; parts.all.len()];
    visit(
        parts,
        |part| {
            let children = &parts.all[part].in_place;
            let sum =
                |first: usize, of: &[usize]| children.iter().fold(first, |sum, child| sum.saturating_add(of[*child]));
            (unfolded[part], members[part]) = (sum(1, &unfolded), sum(1 + own(&parts.all[part]), &members));
            longest[part] = 1 + children.iter().map(|child| longest[*child]).max().unwrap_or_default();
        },
        |_| {},
    );
    if longest.iter().any(|length| *length > LONGEST) {
        return Err(format!("more than {LONGEST} references and parts of the schema stand one behind the other"));
    }
    let looks = |part: &usize| UNEVALUATED_KEYWORDS.iter().filter(|one| parts.all[*part].get(one).is_some()).count();
    let unevaluated =
        (0..parts.all.len()).fold(0_usize, |sum, part| sum.saturating_add(looks(&part).saturating_mul(members[part])));
    let unfolded = unfolded.into_iter().max().unwrap_or_default();
    if unfolded > UNFOLDED {
        return Err(format!("the schema unfolds to more than {UNFOLDED} parts for one value"));
    }
    Ok(Graph { unfolded, unevaluated })
}

/// How many members and items a part names.
fn own(part: &Part<'_>) -> usize {
    ["patternProperties", "prefixItems", "properties"].iter().filter_map(|keyword| part.get(keyword)).map(count).sum()
}

fn count(value: &serde_json::Value) -> usize {
    value.as_object().map_or_else(|| value.as_array().map_or(0, Vec::len), serde_json::Map::len)
}
