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
    graph::{self, Graph, UNEVALUATED_KEYWORDS},
    ill::{self, Ill},
    parts::{Parts, address},
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
/// What names a part or says how it is to be read: not needed once references are written anew.
const SAID: [&str; 5] = ["$anchor", "$dynamicAnchor", "$recursiveAnchor", "$schema", "$vocabulary"];

/// Whether a schema is taken for JSON Schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It is, as nearly all are.
    Well,
    /// It is looked for what is not: one keyword does not make the whole schema useless.
    Ill,
}

/// A schema that can be compiled.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) schema: Value,
    pub(super) graph: Graph,
    pub(super) patterns: Patterns,
    pub(super) parts: usize,
    /// How many values, names and signs the schema is written with.
    pub(super) tokens: usize,
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
pub(super) fn prepare(definition: &str, written: Written) -> Result<Prepared, String> {
    if let Some(why) = harmful(definition) {
        return Err(why);
    }
    let wrong = || "the input schema is not JSON that can be read".to_owned();
    let raw = serde_json::from_str(definition).map_err(|_| wrong())?;
    let definition = ToolDefinition::parse(raw).map_err(|error| error.to_string())?;
    let tokens = tokens(definition.input_schema.get()).count();
    let mut schema: Value = serde_json::from_str(definition.input_schema.get()).map_err(|_| wrong())?;
    let identity = take_identity(&mut schema);
    let mut patterns = Patterns::default();
    let mut notes = Notes::default();
    for _ in 0..ROUNDS {
        let parts = Parts::of(&schema, identity.as_deref());
        if parts.all.len() > PARTS {
            return Err(format!("the schema has more than {PARTS} parts"));
        }
        if parts.all.iter().map(|part| part.references.len()).sum::<usize>() > REFERENCES_HELD {
            return Err(format!("the schema has more than {REFERENCES_HELD} references"));
        }
        let faults = faults(&parts, written, &mut patterns, &mut notes);
        if !faults.is_empty() {
            leave_out(&mut schema, &faults);
            continue;
        }
        let graph = graph::measure(&parts)?;
        let patterns_a_name = parts.all.iter().filter_map(|part| part.get("patternProperties")?.as_object());
        let patterns_a_name = patterns_a_name.map(Map::len).max().unwrap_or_default();
        let parts = parts.all.len();
        return Ok(Prepared { schema, graph, patterns, parts, tokens, patterns_a_name, notes: notes.texts });
    }
    Err("what refers to what in the schema is too intricate".to_owned())
}

/// The schema is the whole document, whatever it calls itself: references that name it point into it.
fn take_identity(schema: &mut Value) -> Option<String> {
    let root = schema.as_object_mut()?;
    let known = |dialect: &str| {
        let name = dialect.trim_end_matches('#');
        DIALECTS.iter().any(|known| name.split_once("://").is_some_and(|(_, name)| name == *known))
    };
    if root.get("$schema").is_some_and(|dialect| !dialect.as_str().is_some_and(known)) {
        root.remove("$schema");
    }
    let identity = ["$id", "id"].into_iter().find_map(|keyword| match root.get(keyword) {
        Some(Value::String(_)) => root.remove(keyword),
        _ => None,
    });
    let identity = identity?.as_str()?.trim_end_matches('#').to_owned();
    (!identity.is_empty()).then_some(identity)
}

/// What was left out so far.
#[derive(Debug, Default)]
struct Notes {
    /// For people.
    texts: Vec<String>,
    /// Whether anything that refuses arguments was.
    lost_something: bool,
}

impl Notes {
    fn note(&mut self, text: String) {
        self.lost_something = true;
        self.tell(text);
    }

    fn tell(&mut self, text: String) {
        if self.texts.len() < NOTES && !self.texts.contains(&text) {
            self.texts.push(text);
        }
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
    /// Its references as they are to be written, by keyword.
    rewritten: Vec<(&'static str, String)>,
    /// It has keywords that say how to read it.
    said: bool,
    /// What of it is not JSON Schema.
    ill: Vec<Ill>,
}

/// What cannot be used or is not written as it is to be read, by the address of the part.
fn faults(parts: &Parts<'_>, written: Written, patterns: &mut Patterns, notes: &mut Notes) -> HashMap<usize, Fault> {
    let mut faults: HashMap<usize, Fault> = HashMap::new();
    let closing = graph::closing(parts);
    for from in &closing {
        faults.entry(address(parts.all[*from].value)).or_default().reference = true;
        notes.note("a reference leads back to where it stands and is left out".to_owned());
    }
    for (number, part) in parts.all.iter().enumerate() {
        let mut fault = Fault::default();
        if number > 0 && ["$id", "id"].iter().any(|keyword| part.get(keyword).is_some_and(Value::is_string)) {
            fault.whole = true;
            notes.note("a part with an `$id` of its own is left out".to_owned());
        }
        for (keyword, to) in &part.references {
            let written = part.get(keyword).and_then(Value::as_str).unwrap_or_default();
            match to.and_then(|to| parts.path(to)) {
                Some(path) if *keyword == "$ref" && path == written => {}
                Some(path) => fault.rewritten.push((keyword, path)),
                None => {
                    fault.reference = true;
                    notes.note(format!(
                        "the reference `{}` leads to nothing that can be used and is left out",
                        short(written)
                    ));
                }
            }
        }
        if let Some(Value::String(pattern)) = part.get("pattern")
            && let Err(why) = patterns.check(pattern)
        {
            fault.pattern = true;
            notes.note(format!("the pattern `{}` is left out: {why}", short(pattern)));
        }
        for pattern in part.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
            if let Err(why) = patterns.check(pattern) {
                fault.names.push(pattern.clone());
                notes.note(format!("the pattern `{}` is left out: {why}", short(pattern)));
            }
        }
        if written == Written::Ill {
            fault.ill = ill::of(parts, number);
            for ill in &fault.ill {
                let place = parts.path(number).unwrap_or_default();
                let text =
                    format!("`{}` at `{}` is left out: it is not JSON Schema", short(ill.keyword()), short(&place));
                if ill.refuses() { notes.note(text) } else { notes.tell(text) }
            }
        }
        // The whole schema says which dialect it is written in.
        fault.said = SAID.iter().any(|keyword| (number > 0 || *keyword != "$schema") && part.get(keyword).is_some());
        if fault.said
            || fault.whole
            || fault.reference
            || fault.pattern
            || !(fault.names.is_empty() && fault.rewritten.is_empty() && fault.ill.is_empty())
        {
            let known = faults.entry(address(part.value)).or_default();
            *known = Fault { reference: fault.reference || known.reference, ..fault };
        }
    }
    // What unfolds too far is refused as a whole later.
    if closing.is_empty() && graph::measure(parts).is_ok_and(|graph| graph.looks_at_too_much()) {
        notes.note(
            "`unevaluatedProperties` and `unevaluatedItems` are left out: there is too much for them to look at"
                .to_owned(),
        );
    }
    if notes.lost_something {
        for part in parts.all.iter().filter(|part| STRICTER.iter().any(|keyword| part.get(keyword).is_some())) {
            faults.entry(address(part.value)).or_default().weaken = true;
        }
    }
    faults
}

/// Keywords by which a schema may refuse more when parts of it refuse less.
const STRICTER: [&str; 8] =
    ["else", "if", "maxContains", "not", "oneOf", "then", UNEVALUATED_KEYWORDS[0], UNEVALUATED_KEYWORDS[1]];

/// Leaves out what cannot be used. From the inside out: to change an object may move what stands in it.
fn leave_out(value: &mut Value, faults: &HashMap<usize, Fault>) {
    let fault = faults.get(&address(value));
    match value {
        Value::Array(items) => items.iter_mut().for_each(|value| leave_out(value, faults)),
        Value::Object(schema) => schema.values_mut().for_each(|value| leave_out(value, faults)),
        _ => {}
    }
    match (fault, value) {
        (Some(fault), value) if fault.whole => *value = Value::Bool(true),
        (Some(fault), Value::Object(schema)) => mend(schema, fault),
        _ => {}
    }
}

fn mend(schema: &mut Map<String, Value>, fault: &Fault) {
    if fault.reference {
        schema.retain(|keyword, _| ["$defs", "definitions", "$schema"].contains(&keyword.as_str()));
    } else {
        for (keyword, path) in &fault.rewritten {
            schema.remove(*keyword);
            match *keyword {
                "$ref" => drop(schema.insert("$ref".to_owned(), json!(path))),
                // Within one document the dynamic scope is that document.
                _ => add_to_all(schema, json!({ "$ref": path })),
            }
        }
    }
    // Names are not needed any more once no reference goes by them.
    if fault.said && !fault.reference {
        schema.retain(|keyword, _| keyword == "$schema" || !SAID.contains(&keyword.as_str()));
    }
    for ill in &fault.ill {
        ill.leave_out(schema);
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
            add_to_all(schema, json!({ "anyOf": one_of }));
        }
        schema.retain(|keyword, _| !STRICTER.contains(&keyword.as_str()));
    }
}

fn add_to_all(schema: &mut Map<String, Value>, more: Value) {
    match schema.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(all_of) => all_of.push(more),
        None => drop(schema.insert("allOf".to_owned(), Value::Array(vec![more]))),
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
