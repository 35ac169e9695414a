//! Makes of a definition's input schema one that can be compiled and checked within bounds. What cannot be used is left
//! out and noted. A schema that has lost parts may refuse less than the whole, never more.

use std::collections::HashMap;

use domain::ArgumentsCheck;
use serde_json::{Map, Value, json};
use wire::{
    definition::ToolDefinition,
    json::{Kind, tokens},
};

use super::{
    graph::{self, Graph},
    parts::{Parts, REFERENCES, address},
    patterns::Patterns,
};

/// How large a definition may be, in bytes.
pub const LARGEST: usize = 256 * 1024;
/// How deep objects and arrays of a definition may stand in each other.
pub const DEEPEST: usize = 64;
/// How many parts a schema may have that are schemas themselves.
const PARTS: usize = 8_000;
/// How many references it may have.
const REFERENCES_HELD: usize = 2_000;
/// How many parts times how many `unevaluated…` keywords: each of them is compiled with what it looks at.
const UNEVALUATED: usize = 100_000;
/// How often a schema is gone through: leaving a part out may leave a reference without its target.
const ROUNDS: usize = 8;
/// How many notes are kept.
const NOTES: usize = 5;
/// The dialects that are known; of another one the default is taken (MCP, "Tools": 2020-12).
const DIALECTS: [&str; 5] = [
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// A schema that can be compiled.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) schema: Value,
    pub(super) graph: Graph,
    pub(super) patterns: Patterns,
    pub(super) parts: usize,
    /// How many patterns the names of one object are held against at most.
    pub(super) patterns_a_name: usize,
    /// What was left out.
    pub(super) notes: Vec<String>,
}

impl Prepared {
    pub(super) fn check(&self) -> ArgumentsCheck {
        if self.notes.is_empty() { ArgumentsCheck::Full } else { ArgumentsCheck::Partial }
    }
}

/// Why even passing the definition on does harm; `None`: it does none.
pub fn harmful(definition: &str) -> Option<String> {
    if definition.len() > LARGEST {
        return Some(format!("its definition has {} bytes; at most {LARGEST} are taken", definition.len()));
    }
    let mut depth = 0_usize;
    let deep = tokens(definition).any(|token| {
        match token.kind {
            Kind::BeginObject | Kind::BeginArray => depth += 1,
            Kind::EndObject | Kind::EndArray => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEEPEST
    });
    deep.then(|| format!("its definition is nested deeper than {DEEPEST} levels"))
}

/// Prepares the input schema of a definition.
///
/// # Errors
/// Why it cannot be used at all, for people.
pub(super) fn prepare(definition: &str) -> Result<Prepared, String> {
    if let Some(why) = harmful(definition) {
        return Err(why);
    }
    let wrong = || "the input schema is not JSON that can be read".to_owned();
    let raw = serde_json::from_str(definition).map_err(|_| wrong())?;
    let definition = ToolDefinition::parse(raw).map_err(|error| error.to_string())?;
    let mut schema: Value = serde_json::from_str(definition.input_schema.get()).map_err(|_| wrong())?;
    take_identity(&mut schema);
    let mut patterns = Patterns::default();
    let mut notes = Vec::new();
    for _ in 0..ROUNDS {
        let parts = Parts::of(&schema);
        if parts.all.len() > PARTS {
            return Err(format!("the schema has more than {PARTS} parts"));
        }
        if parts.references.len() > REFERENCES_HELD {
            return Err(format!("the schema has more than {REFERENCES_HELD} references"));
        }
        let faults = faults(&parts, &mut patterns, !notes.is_empty(), &mut notes);
        if faults.is_empty() {
            let graph = graph::measure(&parts)?;
            let patterns_a_name = parts.all.iter().map(|part| count(part.schema, "patternProperties")).max();
            let (parts, patterns_a_name) = (parts.all.len(), patterns_a_name.unwrap_or_default());
            return Ok(Prepared { schema, graph, patterns, parts, patterns_a_name, notes });
        }
        leave_out(&mut schema, &faults);
    }
    Err("what refers to what in the schema is too intricate".to_owned())
}

fn count(schema: &Map<String, Value>, keyword: &str) -> usize {
    schema.get(keyword).and_then(Value::as_object).map_or(0, Map::len)
}

/// The schema is the whole document, whatever it calls itself: references that name it point into it.
fn take_identity(schema: &mut Value) {
    let Value::Object(root) = schema else { return };
    let known = |dialect: &str| {
        let name = dialect.trim_end_matches('#');
        DIALECTS.iter().any(|known| name.split_once("://").is_some_and(|(_, name)| name == *known))
    };
    if root.get("$schema").is_some_and(|dialect| !dialect.as_str().is_some_and(known)) {
        root.remove("$schema");
    }
    root.remove("$vocabulary");
    let identity = ["$id", "id"].into_iter().find_map(|keyword| match root.get(keyword) {
        Some(Value::String(_)) => root.remove(keyword),
        _ => None,
    });
    if let Some(Value::String(identity)) = identity {
        let identity = identity.trim_end_matches('#').to_owned();
        if !identity.is_empty() {
            point_inside(schema, &identity);
        }
    }
}

/// Makes references that name the document by its identity references within it.
fn point_inside(value: &mut Value, identity: &str) {
    match value {
        Value::Object(members) => {
            for keyword in REFERENCES {
                if let Some(Value::String(reference)) = members.get_mut(keyword)
                    && let Some(fragment) = reference.strip_prefix(identity)
                    && (fragment.is_empty() || fragment.starts_with('#'))
                {
                    *reference = if fragment.is_empty() { "#".to_owned() } else { fragment.to_owned() };
                }
            }
            members.values_mut().for_each(|value| point_inside(value, identity));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| point_inside(value, identity)),
        _ => {}
    }
}

/// What is wrong with one part.
#[derive(Debug, Default)]
struct Fault {
    /// Nothing of it can be used.
    whole: bool,
    /// A reference that cannot be followed: what stands beside it was not meant to be used alone.
    reference: bool,
    pattern: bool,
    /// Of its `patternProperties`, those that cannot be used.
    names: Vec<String>,
    /// It belongs to a schema that has lost parts: what could turn less into more must go.
    weaken: bool,
}

/// What cannot be used, by the address of the part. `weaken`: something was left out already.
fn faults(
    parts: &Parts<'_>,
    patterns: &mut Patterns,
    mut weaken: bool,
    notes: &mut Vec<String>,
) -> HashMap<usize, Fault> {
    let mut faults: HashMap<usize, Fault> = HashMap::new();
    let mut note = |text: String| {
        if notes.len() < NOTES && !notes.contains(&text) {
            notes.push(text);
        }
    };
    for from in graph::closing(parts) {
        faults.entry(address(parts.all[from].schema)).or_default().reference = true;
        note("a reference leads back to where it stands and is left out".to_owned());
    }
    for (number, part) in parts.all.iter().enumerate() {
        let mut fault = Fault::default();
        if number > 0 && ["$id", "id"].iter().any(|keyword| part.schema.get(*keyword).is_some_and(Value::is_string)) {
            fault.whole = true;
            note("a part with an `$id` of its own is left out".to_owned());
        }
        for keyword in &part.lost {
            fault.reference = true;
            let to = part.schema.get(*keyword).and_then(Value::as_str).unwrap_or_default();
            note(format!("the reference `{}` leads to nothing in the definition and is left out", short(to)));
        }
        if let Some(Value::String(pattern)) = part.schema.get("pattern")
            && let Err(why) = patterns.check(pattern)
        {
            fault.pattern = true;
            note(format!("the pattern `{}` is left out: {why}", short(pattern)));
        }
        if let Some(Value::Object(names)) = part.schema.get("patternProperties") {
            for pattern in names.keys() {
                if let Err(why) = patterns.check(pattern) {
                    fault.names.push(pattern.clone());
                    note(format!("the pattern `{}` is left out: {why}", short(pattern)));
                }
            }
        }
        if fault.whole || fault.reference || fault.pattern || !fault.names.is_empty() {
            let known = faults.entry(address(part.schema)).or_default();
            *known = Fault { reference: fault.reference || known.reference, ..fault };
        }
    }
    let unevaluated =
        parts.all.iter().filter(|part| UNEVALUATED_KEYWORDS.iter().any(|one| part.schema.contains_key(*one)));
    if unevaluated.count() * parts.all.len() > UNEVALUATED {
        note(
            "`unevaluatedProperties` and `unevaluatedItems` are left out: there is too much for them to look at"
                .to_owned(),
        );
        weaken = true;
    }
    if weaken || !faults.is_empty() {
        for part in parts.all.iter().filter(|part| STRICTER.iter().any(|keyword| part.schema.contains_key(*keyword))) {
            faults.entry(address(part.schema)).or_default().weaken = true;
        }
    }
    faults
}

const UNEVALUATED_KEYWORDS: [&str; 2] = ["unevaluatedItems", "unevaluatedProperties"];
/// Keywords by which a schema may refuse more when parts of it refuse less.
const STRICTER: [&str; 8] =
    ["else", "if", "maxContains", "not", "oneOf", "then", "unevaluatedItems", "unevaluatedProperties"];

/// Leaves out what cannot be used. From the inside out: to change an object may move what stands in it.
fn leave_out(value: &mut Value, faults: &HashMap<usize, Fault>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|value| leave_out(value, faults)),
        Value::Object(schema) => {
            let fault = faults.get(&address(schema));
            schema.values_mut().for_each(|value| leave_out(value, faults));
            let Some(fault) = fault else { return };
            if fault.whole {
                *value = Value::Bool(true);
                return;
            }
            mend(schema, fault);
        }
        _ => {}
    }
}

fn mend(schema: &mut Map<String, Value>, fault: &Fault) {
    if fault.reference {
        schema.retain(|keyword, _| {
            ["$defs", "definitions", "$schema", "$anchor", "$dynamicAnchor"].contains(&keyword.as_str())
        });
    }
    if fault.pattern {
        schema.remove("pattern");
    }
    if !fault.names.is_empty() {
        if let Some(Value::Object(names)) = schema.get_mut("patternProperties") {
            names.retain(|name, _| !fault.names.contains(name));
        }
        // It would speak of the names that these patterns had.
        schema.remove("additionalProperties");
    }
    if fault.weaken {
        // That one of them fits is less than that only one does.
        if let Some(one_of) = schema.remove("oneOf") {
            let any_of = json!({ "anyOf": one_of });
            match schema.get_mut("allOf").and_then(Value::as_array_mut) {
                Some(all_of) => all_of.push(any_of),
                None => {
                    schema.insert("allOf".to_owned(), Value::Array(vec![any_of]));
                }
            }
        }
        schema.retain(|keyword, _| !STRICTER.contains(&keyword.as_str()));
    }
}

/// Enough of a text to find it again, without what a terminal or a page would obey.
fn short(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
