//! How the parts of a schema unfold that are held against one and the same value: each `allOf` of two references to
//! parts with two references more doubles the work, and nothing of the value need be looked at for it.

use super::parts::Parts;

/// How many parts may stand one behind the other.
pub(super) const LONGEST: usize = 256;
/// How many parts one value may meet when all references are unfolded.
const UNFOLDED: usize = 4_096;

/// What one value may meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Graph {
    /// How many parts, references unfolded.
    pub(super) unfolded: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    New,
    Open,
    Done,
}

/// Goes through the parts, each after those that it leads to; tells of each step back to an open one.
fn visit(parts: &Parts<'_>, mut done: impl FnMut(usize), mut closes: impl FnMut(usize, usize)) {
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
                Mark::Open => closes(*part, child),
                Mark::Done => {}
            }
        }
    }
}

/// The parts that close a circle: references lead back to them without going into a value. JSON Schema leaves undefined what that
/// means (2020-12, Core, section 9.4.1).
pub(super) fn closing(parts: &Parts<'_>) -> Vec<usize> {
    let mut closing = Vec::new();
    visit(parts, |_| {}, |from, _| closing.push(from));
    closing.dedup();
    closing
}

/// Measures parts without circles.
///
/// # Errors
/// Which bound the schema is over, for people.
pub(super) fn measure(parts: &Parts<'_>) -> Result<Graph, String> {
    let mut unfolded = vec![1_usize; parts.all.len()];
    let mut longest = vec![1_usize; parts.all.len()];
    visit(
        parts,
        |part| {
            let children = &parts.all[part].in_place;
            unfolded[part] = children.iter().fold(1, |sum: usize, child| sum.saturating_add(unfolded[*child]));
            longest[part] = 1 + children.iter().map(|child| longest[*child]).max().unwrap_or_default();
        },
        |_, _| {},
    );
    if longest.iter().any(|length| *length > LONGEST) {
        return Err(format!("more than {LONGEST} references and parts of the schema stand one behind the other"));
    }
    let unfolded = unfolded.into_iter().max().unwrap_or_default();
    if unfolded > UNFOLDED {
        return Err(format!("the schema unfolds to more than {UNFOLDED} parts for one value"));
    }
    Ok(Graph { unfolded })
}
