//! What is different: the arguments now and those of the last approved call, by path; and two definitions,
//! line by line.
//!
//! Arguments are compared as they were written: 0.1 and 0.10 differ. What was redacted when it was stored
//! cannot be compared, and that is said instead of a guess.

use std::{collections::HashMap, ops::Range};

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use super::{
    json::{Entry, INDENTED, Node, quoted},
    sorted::sort,
};

/// What the audit log keeps in place of a secret.
const REDACTED: &str = "[redacted]";

/// Unchanged lines around a difference.
const CONTEXT: usize = 3;

/// Above this many pairs of lines a difference is not looked for: all is said to be changed.
const PAIRS: usize = 25_000_000;

/// What became of a value since the last approved call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The same, or there is nothing to compare with. In an object or array: see its children.
    Same,
    /// Another value stood here.
    Changed(Node),
    /// Was not there.
    Added,
    /// Is not there any more; the branch shows what it was.
    Removed,
    /// The old value is not known.
    NotComparable,
}

/// What stands before a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// The whole.
    Root,
    /// A key of an object.
    Key {
        /// As [`Entry::key`].
        key: String,
        /// As [`Entry::readable`].
        readable: bool,
        /// As [`Entry::repeats`].
        repeats: usize,
    },
    /// A place in an array, counted from 0.
    Index(usize),
}

/// A value with its name, what became of it, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its key or place.
    pub name: Name,
    /// Its value. Objects and arrays are empty here: what is in them are the children.
    pub value: Node,
    /// What became of it.
    pub state: State,
    /// What is in it: first what is there now, in order, then what was removed.
    pub children: Vec<Branch>,
}

/// Compares the values of now with those of before. Without those of before everything is [`State::Same`].
pub fn compare(now: Node, before: Option<Node>) -> Branch {
    match before {
        Some(before) => both(Name::Root, now, before),
        None => alone(Name::Root, now, &State::Same),
    }
}

/// A value that has nothing to be compared with.
fn alone(name: Name, value: Node, state: &State) -> Branch {
    let (value, children) = take(value);
    let children = children.into_iter().map(|(name, child)| alone(name, child, state)).collect();
    Branch { name, value, state: state.clone(), children }
}

fn both(name: Name, now: Node, before: Node) -> Branch {
    if matches!(&before, Node::Text(text) if text == REDACTED) {
        let mut branch = alone(name, now, &State::Same);
        branch.state = State::NotComparable;
        return branch;
    }
    match (&now, &before) {
        (Node::Map(_), Node::Map(_)) | (Node::List(_), Node::List(_)) => {}
        _ if now == before => return alone(name, now, &State::Same),
        _ => {
            let mut branch = alone(name, now, &State::Same);
            branch.state = State::Changed(before);
            return branch;
        }
    }
    let (value, now) = take(now);
    let (_, before) = take(before);
    let order: Vec<Name> = before.iter().map(|(name, _)| name.clone()).collect();
    let mut before: HashMap<_, Node> = before.into_iter().map(|(name, node)| (path(&name), node)).collect();
    let mut children = Vec::with_capacity(now.len());
    for (name, child) in now {
        children.push(match before.remove(&path(&name)) {
            Some(old) => both(name, child, old),
            None => alone(name, child, &State::Added),
        });
    }
    for name in order {
        if let Some(old) = before.remove(&path(&name)) {
            children.push(alone(name, old, &State::Removed));
        }
    }
    Branch { name, value, state: State::Same, children }
}

/// What makes two names the same place. The second of two equal keys is compared with the second.
fn path(name: &Name) -> (Option<String>, bool, usize) {
    match name {
        Name::Root => (None, true, 0),
        Name::Index(index) => (None, false, *index),
        Name::Key { key, readable, repeats } => (Some(key.clone()), *readable, *repeats),
    }
}

/// Takes the children out of an object or an array.
fn take(node: Node) -> (Node, Vec<(Name, Node)>) {
    match node {
        Node::Map(entries) => {
            let name =
                |entry: &Entry| Name::Key { key: entry.key.clone(), readable: entry.readable, repeats: entry.repeats };
            let children = entries.into_iter().map(|entry| (name(&entry), entry.value)).collect();
            (Node::Map(Vec::new()), children)
        }
        Node::List(values) => {
            let children = values.into_iter().enumerate().map(|(index, value)| (Name::Index(index), value)).collect();
            (Node::List(Vec::new()), children)
        }
        other => (other, Vec::new()),
    }
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// In both.
    Same(String),
    /// Only in the old one.
    Removed(String),
    /// Only in the new one.
    Added(String),
}

/// A part of a difference. The parts cover both texts whole and in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Changed lines with up to three unchanged ones around them.
    Hunk(Vec<Line>),
    /// Unchanged lines between hunks.
    Between(Vec<String>),
}

/// The difference of two texts, line by line. Equal texts are one [`Part::Between`].
pub fn lines(old: &str, new: &str) -> Vec<Part> {
    let old: Vec<&str> = old.split('\n').collect();
    let new: Vec<&str> = new.split('\n').collect();
    let operations = if old.len().saturating_mul(new.len()) > PAIRS {
        vec![DiffOp::Replace { old_index: 0, old_len: old.len(), new_index: 0, new_len: new.len() }]
    } else {
        capture_diff_slices(Algorithm::Myers, &old, &new)
    };
    let owned = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let changed = operations.iter().any(|operation| !matches!(operation, DiffOp::Equal { .. }));
    let groups = if changed { group_diff_ops(operations, CONTEXT) } else { Vec::new() };
    let mut parts = Vec::new();
    let mut at = 0;
    for group in groups {
        let start = group.first().map_or(at, |operation| operation.old_range().start);
        if start > at {
            parts.push(Part::Between(owned(&old[at..start])));
        }
        let mut hunk = Vec::new();
        for operation in group {
            at = operation.old_range().end;
            let was = &old[operation.old_range()];
            if matches!(operation, DiffOp::Equal { .. }) {
                hunk.extend(owned(was).into_iter().map(Line::Same));
            } else {
                // What is there now stands first.
                hunk.extend(owned(&new[operation.new_range()]).into_iter().map(Line::Added));
                hunk.extend(owned(was).into_iter().map(Line::Removed));
            }
        }
        parts.push(Part::Hunk(hunk));
    }
    if at < old.len() {
        parts.push(Part::Between(owned(&old[at..])));
    }
    parts
}

/// Where the lines of a hunk differ from their counterparts, in bytes: the first added line from the first removed one, and
/// so on. Empty where a line has no counterpart, or nothing in common with it.
pub fn differing(hunk: &[Line]) -> Vec<Range<usize>> {
    let mut ranges = vec![0..0; hunk.len()];
    let mut at = 0;
    while at < hunk.len() {
        let run = |from: usize, is: fn(&Line) -> bool| hunk[from..].iter().take_while(|line| is(line)).count();
        let added = run(at, |line| matches!(line, Line::Added(_)));
        let removed = run(at + added, |line| matches!(line, Line::Removed(_)));
        for pair in 0..added.min(removed) {
            let (new, old) = (at + pair, at + added + pair);
            if let (Line::Added(now), Line::Removed(before)) = (&hunk[new], &hunk[old]) {
                (ranges[new], ranges[old]) = middle(now, before);
            }
        }
        at += (added + removed).max(1);
    }
    ranges
}

/// What two lines do not have in common, in whole words; nothing where they have too little in common.
fn middle(now: &str, before: &str) -> (Range<usize>, Range<usize>) {
    let same = |one: &mut dyn Iterator<Item = char>, other: &mut dyn Iterator<Item = char>| {
        one.zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum::<usize>()
    };
    let mut start = same(&mut now.chars(), &mut before.chars());
    let (rest, rest_before) = (&now[start..], &before[start..]);
    let end = same(&mut rest.chars().rev(), &mut rest_before.chars().rev());
    // Not from the middle of a word, nor to it.
    start = now[..start].rfind(|one: char| !one.is_alphanumeric()).map_or(0, |at| at + letter(now, at));
    let tail = now.len() - end;
    let end = now[tail..].find(|one: char| !one.is_alphanumeric()).map_or(0, |at| end - at);
    if (start + end) * 3 < now.trim_start().len().max(before.trim_start().len()) {
        return (0..0, 0..0);
    }
    (start..(now.len() - end).max(start), start..(before.len() - end).max(start))
}

/// The length of the letter that begins there.
fn letter(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

/// The difference of two definitions: both laid out by [`pretty`].
pub fn definitions(old: &Node, new: &Node) -> Vec<Part> {
    lines(&pretty(old), &pretty(new))
}

/// JSON on lines: keys in the order of their code points, since the order of an object's members means nothing; a string
/// with line feeds continues on the next line, with its escapes, so that a change in a long description is
/// a change of one line.
pub fn pretty(node: &Node) -> String {
    let mut written = String::new();
    lay_out(node, 0, true, &mut written);
    written
}

/// JSON on lines for reading and copying: as it was written, but for the spaces between its parts.
pub fn indented(node: &Node) -> String {
    let mut written = String::new();
    lay_out(node, 0, false, &mut written);
    written
}

/// `for_lines`: laid out to be compared line by line.
fn lay_out(node: &Node, depth: usize, for_lines: bool, written: &mut String) {
    // What lies deeper stands no further to the right, and begins with its level.
    let indent = |depth: usize| {
        let spaces = "  ".repeat(depth.min(INDENTED));
        if depth > INDENTED && for_lines { format!("{spaces}({depth}) ") } else { spaces }
    };
    match node {
        Node::Text(text) if for_lines => {
            let text = quoted(text);
            let mut rest = text.as_str();
            while let Some(at) = line_feed(rest) {
                written.push_str(&rest[..at]);
                rest = &rest[at..];
                if rest != "\"" {
                    written.push('\n');
                    written.push_str(&indent(depth + 1));
                }
            }
            written.push_str(rest);
        }
        Node::List(values) if !values.is_empty() => {
            written.push('[');
            for (index, value) in values.iter().enumerate() {
                written.push_str(if index == 0 { "\n" } else { ",\n" });
                written.push_str(&indent(depth + 1));
                lay_out(value, depth + 1, for_lines, written);
            }
            written.push_str(&format!("\n{}]", indent(depth)));
        }
        Node::Map(entries) if !entries.is_empty() => {
            let mut entries: Vec<&Entry> = entries.iter().collect();
            if for_lines {
                sort(&mut entries, |one, other| one.key.cmp(&other.key));
            }
            written.push('{');
            for (index, entry) in entries.into_iter().enumerate() {
                written.push_str(if index == 0 { "\n" } else { ",\n" });
                written.push_str(&format!("{}{}: ", indent(depth + 1), entry.written_key()));
                lay_out(&entry.value, depth + 1, for_lines, written);
            }
            written.push_str(&format!("\n{}}}", indent(depth)));
        }
        other => written.push_str(&other.compact()),
    }
}

/// Where the first escaped line feed of a JSON string ends. An escaped backslash before an n is none.
fn line_feed(quoted: &str) -> Option<usize> {
    let mut characters = quoted.bytes().enumerate();
    while let Some((_, byte)) = characters.next() {
        if byte == b'\\'
            && let Some((at, b'n')) = characters.next()
        {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
