//! Where the parts of a JSON Schema stand that are schemas themselves (JSON Schema 2020-12, Core, section 10, and the
//! older drafts' keywords), and what its references point at.
//!
//! What is measured here must be what the validator follows. So references are resolved here once, and then written in
//! one form that leaves nothing to be read otherwise ([`Parts::path`]).

use std::{borrow::Cow, collections::HashMap};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

/// Keywords whose value is a schema.
pub(super) const ONE: [&str; 12] = [
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
pub(super) const LIST: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
pub(super) const MAP: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Keywords whose schemas are held against the same value as the schema around them.
const IN_PLACE: [&str; 9] =
    ["allOf", "anyOf", "dependencies", "dependentSchemas", "else", "if", "not", "oneOf", "then"];
/// Keywords whose value is data: nothing in it is a schema.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];
/// Keywords that refer to another part.
const REFERENCES: [&str; 3] = ["$dynamicRef", "$recursiveRef", "$ref"];
/// How long a reference may be that is written anew, in bytes.
const LONGEST_PATH: usize = 1_000;

/// A part: an object or a boolean that is a schema.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) value: &'a Value,
    /// The parts that are held against the same value, references included.
    pub(super) in_place: Vec<usize>,
    /// Its references: by which keyword, to which part; `None`: to nothing that can be used.
    pub(super) references: Vec<(&'static str, Option<usize>)>,
    /// The part around it, none for the whole schema and for what stands where no schema is expected.
    around: Option<usize>,
    /// How it is reached from there, else from the whole schema.
    steps: Vec<Cow<'a, str>>,
}

impl<'a> Part<'a> {
    /// The keywords of a part that is no boolean.
    pub(super) fn schema(&self) -> Option<&'a Map<String, Value>> {
        self.value.as_object()
    }

    pub(super) fn get(&self, keyword: &str) -> Option<&'a Value> {
        self.schema()?.get(keyword)
    }
}

/// Every part of a schema. The first is the schema itself.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) all: Vec<Part<'a>>,
    by_address: HashMap<usize, usize>,
}

/// What tells one value of a document from another, as long as the document does not change.
pub(super) fn address(value: &Value) -> usize {
    std::ptr::from_ref(value) as usize
}

impl<'a> Parts<'a> {
    /// Finds the parts of `root`, those that only references lead to included. The schema may call itself `identity`.
    pub(super) fn of(root: &'a Value, identity: Option<&str>) -> Self {
        let mut parts = Self::default();
        parts.find(root, None, Vec::new());
        let anchors = parts.anchors();
        let mut next = 0;
        // Following a reference may find more parts.
        while next < parts.all.len() {
            for keyword in REFERENCES {
                let Some(reference) = parts.all[next].get(keyword) else { continue };
                let to = match reference.as_str().and_then(|text| target(root, text, identity)) {
                    Some(Target::At(value, steps)) => parts.find(value, None, steps),
                    Some(Target::Named(name)) => anchors.get(&*name).copied().flatten(),
                    None => None,
                };
                parts.all[next].in_place.extend(to);
                parts.all[next].references.push((keyword, to));
            }
            next += 1;
        }
        parts
    }

    /// The reference by which the validator finds a part, and nothing else. `None`: it would be very long.
    pub(super) fn path(&self, part: usize) -> Option<String> {
        let mut steps: Vec<&str> = Vec::new();
        let mut at = Some(part);
        let mut length = 0;
        while let Some(part) = at.map(|at| &self.all[at]) {
            for step in part.steps.iter().rev() {
                length += step.len();
                if length > LONGEST_PATH {
                    return None;
                }
                steps.push(step);
            }
            at = part.around;
        }
        let segment = |step: &&str| {
            let escaped = step.replace('~', "~0").replace('/', "~1");
            format!("/{}", utf8_percent_encode(&escaped, NON_ALPHANUMERIC))
        };
        Some(format!("#{}", steps.iter().rev().map(segment).collect::<String>()))
    }

    /// Adds a schema and the parts in it; the number of the schema.
    fn find(&mut self, value: &'a Value, around: Option<usize>, steps: Vec<Cow<'a, str>>) -> Option<usize> {
        if !(value.is_object() || value.is_boolean()) {
            return None;
        }
        if let Some(known) = self.by_address.get(&address(value)) {
            return Some(*known);
        }
        let number = self.all.len();
        self.by_address.insert(address(value), number);
        let (in_place, references) = (Vec::new(), Vec::new());
        self.all.push(Part { value, in_place, references, around, steps });
        for (keyword, value) in value.as_object().into_iter().flatten() {
            for (steps, child) in children(keyword, value) {
                if let Some(child) = self.find(child, Some(number), steps)
                    && IN_PLACE.contains(&keyword.as_str())
                {
                    self.all[number].in_place.push(child);
                }
            }
        }
        Some(number)
    }

    /// What a name stands for. Of two equal ones neither counts: which of them is meant is anybody's guess.
    fn anchors(&self) -> HashMap<&'a str, Option<usize>> {
        let mut anchors = HashMap::new();
        for (number, part) in self.all.iter().enumerate() {
            let names = ["$anchor", "$dynamicAnchor"].map(|keyword| part.get(keyword).and_then(Value::as_str));
            let one = if names[0] == names[1] { &names[..1] } else { &names[..] };
            for name in one.iter().flatten() {
                anchors.entry(*name).and_modify(|found| *found = None).or_insert(Some(number));
            }
        }
        anchors
    }
}

/// The schemas that a keyword has, and how each is reached from the schema that it stands in.
fn children<'a>(keyword: &'a str, value: &'a Value) -> Vec<(Vec<Cow<'a, str>>, &'a Value)> {
    let keyword_step = || Cow::Borrowed(keyword);
    match value {
        Value::Array(items) if LIST.contains(&keyword) => {
            let step = |(at, item): (usize, &'a Value)| (vec![keyword_step(), at.to_string().into()], item);
            items.iter().enumerate().map(step).collect()
        }
        Value::Object(members) if MAP.contains(&keyword) => {
            members.iter().map(|(name, member)| (vec![keyword_step(), name.as_str().into()], member)).collect()
        }
        _ if ONE.contains(&keyword) => vec![(vec![keyword_step()], value)],
        _ => Vec::new(),
    }
}

/// What a reference says.
enum Target<'a> {
    /// A value, and how it is reached from the whole schema.
    At(&'a Value, Vec<Cow<'a, str>>),
    /// The part with this anchor.
    Named(String),
}

/// What a reference within the document points at. Nothing outside of it is ever looked up.
fn target<'a>(root: &'a Value, reference: &str, identity: Option<&str>) -> Option<Target<'a>> {
    let inside = identity.and_then(|identity| reference.strip_prefix(identity)).unwrap_or(reference);
    // RFC 6901, section 6: decoded first, then taken apart.
    let fragment = match inside.strip_prefix('#') {
        Some(fragment) => percent_decode_str(fragment).decode_utf8().ok()?,
        None if inside.is_empty() => Cow::Borrowed(""),
        None => return None,
    };
    if fragment.is_empty() {
        return Some(Target::At(root, Vec::new()));
    }
    let Some(pointer) = fragment.strip_prefix('/') else { return Some(Target::Named(fragment.into_owned())) };
    let (mut at, mut place, mut steps) = (root, Position::Schema, Vec::new());
    for segment in pointer.split('/') {
        let name = segment.replace("~1", "/").replace("~0", "~");
        (at, place) = step(at, place, &name)?;
        steps.push(Cow::Owned(name));
    }
    (!matches!(place, Position::Data)).then_some(Target::At(at, steps))
}

/// What a value is by where it stands.
#[derive(Clone, Copy)]
enum Position {
    Schema,
    /// An array or object of schemas.
    Schemas,
    /// The value of a keyword that this module does not know: it may hold schemas.
    Unknown,
    Data,
}

fn step<'a>(at: &'a Value, place: Position, name: &str) -> Option<(&'a Value, Position)> {
    let next = match at {
        Value::Object(members) => members.get(name)?,
        // As a number is written, and in no other way.
        Value::Array(items) => items.get(name.parse::<usize>().ok().filter(|at| at.to_string() == name)?)?,
        _ => return None,
    };
    let place = match place {
        Position::Schema if DATA.contains(&name) => Position::Data,
        Position::Schema if MAP.contains(&name) || (LIST.contains(&name) && next.is_array()) => Position::Schemas,
        Position::Schema if ONE.contains(&name) => Position::Schema,
        Position::Schema | Position::Unknown => Position::Unknown,
        Position::Schemas => Position::Schema,
        Position::Data => Position::Data,
    };
    Some((next, place))
}
