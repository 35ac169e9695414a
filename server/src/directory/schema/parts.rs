//! Where the parts of a JSON Schema stand that are schemas themselves (JSON Schema 2020-12, Core, section 10, and the
//! older drafts' keywords), and what its references point at.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// Keywords whose value is a schema. Those in [`IN_PLACE`] look at the same value as the schema they stand in.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an array of schemas.
const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const MAP: [&str; 6] = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Keywords whose schemas are held against the same value as the schema around them.
const IN_PLACE: [&str; 9] =
    ["allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"];
/// Keywords whose value is data: nothing in it is a schema.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];
/// Keywords that refer to another part.
pub(super) const REFERENCES: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$ref"];

/// An object that is a schema.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) schema: &'a Map<String, Value>,
    value: &'a Value,
    /// The parts that are held against the same value, references included.
    pub(super) in_place: Vec<usize>,
    /// Its references that lead to no part.
    pub(super) lost: Vec<&'static str>,
}

/// Every part of a schema. The first is the schema itself.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) all: Vec<Part<'a>>,
    /// The references among them: from which part, to which.
    pub(super) references: Vec<(usize, usize)>,
    by_address: HashMap<usize, usize>,
}

/// What tells one object of a document from another, as long as the document does not change.
pub(super) fn address(schema: &Map<String, Value>) -> usize {
    std::ptr::from_ref(schema) as usize
}

impl<'a> Parts<'a> {
    /// Finds the parts of `root`, those that only references lead to included.
    pub(super) fn of(root: &'a Value) -> Self {
        let mut parts = Self::default();
        parts.find(root);
        let anchors = parts.anchors();
        let mut next = 0;
        // Following a reference may find more parts.
        while next < parts.all.len() {
            let schema = parts.all[next].schema;
            for keyword in REFERENCES {
                let Some(reference) = schema.get(keyword) else { continue };
                let target = reference.as_str().and_then(|text| target(root, text, &anchors));
                match target {
                    Some(target @ Value::Object(_)) => {
                        if let Some(to) = parts.find(target) {
                            parts.all[next].in_place.push(to);
                            parts.references.push((next, to));
                        }
                    }
                    Some(Value::Bool(_)) => {}
                    _ => parts.all[next].lost.push(keyword),
                }
            }
            next += 1;
        }
        parts
    }

    /// The number of the part at this address.
    pub(super) fn at(&self, address: usize) -> Option<usize> {
        self.by_address.get(&address).copied()
    }

    /// Adds a schema and the parts in it; the number of the schema.
    fn find(&mut self, value: &'a Value) -> Option<usize> {
        let schema = value.as_object()?;
        if let Some(known) = self.at(address(schema)) {
            return Some(known);
        }
        let number = self.all.len();
        self.by_address.insert(address(schema), number);
        self.all.push(Part { schema, value, in_place: Vec::new(), lost: Vec::new() });
        for (keyword, value) in schema {
            for child in children(keyword, value) {
                if let Some(child) = self.find(child)
                    && IN_PLACE.contains(&keyword.as_str())
                {
                    self.all[number].in_place.push(child);
                }
            }
        }
        Some(number)
    }

    fn anchors(&self) -> HashMap<&'a str, &'a Value> {
        let named = |keyword: &'static str| {
            self.all.iter().filter_map(move |part| Some((part.schema.get(keyword)?.as_str()?, part.value)))
        };
        named("$anchor").chain(named("$dynamicAnchor")).collect()
    }
}

/// The schemas that a keyword has.
fn children<'a>(keyword: &str, value: &'a Value) -> Vec<&'a Value> {
    match value {
        Value::Object(_) if ONE.contains(&keyword) => vec![value],
        Value::Array(items) if LIST.contains(&keyword) => items.iter().collect(),
        Value::Object(members) if MAP.contains(&keyword) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// What a reference within the document points at. Nothing outside of it is ever looked up.
fn target<'a>(root: &'a Value, reference: &str, anchors: &HashMap<&'a str, &'a Value>) -> Option<&'a Value> {
    let fragment = reference.strip_prefix('#')?;
    if fragment.is_empty() {
        return Some(root);
    }
    let Some(pointer) = fragment.strip_prefix('/') else { return anchors.get(fragment).copied() };
    let mut at = root;
    let mut place = Place::Schema;
    for segment in pointer.split('/') {
        // RFC 6901, section 6.
        let name = percent_encoding::percent_decode_str(segment).decode_utf8().ok()?;
        (at, place) = step(at, place, &name.replace("~1", "/").replace("~0", "~"))?;
    }
    (!matches!(place, Place::Data)).then_some(at)
}

/// What a value is by where it stands.
#[derive(Clone, Copy)]
enum Place {
    Schema,
    /// An array or object of schemas.
    Schemas,
    /// The value of a keyword that this module does not know: it may hold schemas.
    Unknown,
    Data,
}

fn step<'a>(at: &'a Value, place: Place, name: &str) -> Option<(&'a Value, Place)> {
    let next = match at {
        Value::Object(members) => members.get(name)?,
        Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
        _ => return None,
    };
    let place = match place {
        Place::Schema if DATA.contains(&name) => Place::Data,
        Place::Schema if MAP.contains(&name) || (LIST.contains(&name) && next.is_array()) => Place::Schemas,
        Place::Schema if ONE.contains(&name) => Place::Schema,
        Place::Schema | Place::Unknown => Place::Unknown,
        Place::Schemas => Place::Schema,
        Place::Data => Place::Data,
    };
    Some((next, place))
}
