//! A definition as every SDK can read it. One entry of `tools/list` that breaks the MCP schema makes strict clients refuse
//! the whole list: what a revision forbids is found here, and what many servers write although no revision has it, a
//! `null` for what there is not, is left out.

use serde_json::{Value, value::RawValue};

use crate::{
    json::{Kind, members, push_string, spliced, tokens, unquote},
    shape::{Object, ShapeError},
};

/// Keywords of JSON Schema whose value is a schema, or an array of schemas.
const SCHEMAS: [&str; 16] = [
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is an object of schemas.
const MAPS: [&str; 6] = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];
/// Keywords for which `null` is a value.
const VALUES: [&str; 2] = ["const", "default"];
/// What `null` and booleans are as schemas of properties: clients before 2026-07-28 want objects there.
const ANYTHING: &str = "{}";
const NOTHING: &str = r#"{"not":{}}"#;

/// Which output schema a client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputSchema {
    /// None.
    LeftOut,
    /// One of an object, as revisions before 2026-07-28 have it.
    OfObject,
    /// Any.
    Any,
}

/// What in a definition breaks the schema of `Tool` in every revision of MCP that knows the member (2024-11-05 to
/// 2026-07-28). `null` counts as absent.
///
/// # Errors
/// Names the member and what it must be.
pub fn allowed(tool: &RawValue) -> Result<(), ShapeError> {
    if tool.get().contains("\\u") {
        // JSON parsers of strict clients end the whole message there.
        let texts = tokens(tool.get()).filter(|token| matches!(token.kind, Kind::String | Kind::Key));
        if texts.map(|token| unquote(token.text)).any(|text| text == Err(crate::json::Error::LoneSurrogate)) {
            return Err(ShapeError::LoneSurrogate { place: "tool".to_owned() });
        }
    }
    let tool = Object::read("tool", tool)?;
    tool.required_text("name")?;
    tool.text("title")?;
    tool.text("description")?;
    let input = tool.object("inputSchema")?.ok_or_else(|| tool.missing("inputSchema"))?;
    of_object(&input)?;
    if let Some(output) = tool.object("outputSchema")? {
        output.text("$schema")?;
    }
    if let Some(annotations) = tool.object("annotations")? {
        annotations.text("title")?;
        for hint in ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"] {
            if annotations.some(hint).is_some() && annotations.flag(hint).is_none() {
                return Err(annotations.wrong(hint, "true or false"));
            }
        }
    }
    if let Some(execution) = tool.object("execution")? {
        one_of(&execution, "taskSupport", &["required", "optional", "forbidden"], "required, optional or forbidden")?;
    }
    icons(&tool)?;
    tool.object("_meta").map(drop)
}

fn icons(tool: &Object<'_>) -> Result<(), ShapeError> {
    let Some(icons) = tool.some("icons") else { return Ok(()) };
    let icons: Vec<&RawValue> = serde_json::from_str(icons.get()).map_err(|_| tool.wrong("icons", "an array"))?;
    for icon in icons.into_iter().filter(|icon| icon.get() != "null") {
        let icon = Object::read("an entry of tool.icons", icon)?;
        icon.required_text("src")?;
        icon.text("mimeType")?;
        strings(&icon, "sizes")?;
        one_of(&icon, "theme", &["light", "dark"], "light or dark")?;
    }
    Ok(())
}

/// A schema as revisions before 2026-07-28 have it: of an object, with an object for each property, and an array of names
/// that are required.
fn of_object(schema: &Object<'_>) -> Result<(), ShapeError> {
    if schema.required_text("type")? != "object" {
        return Err(schema.wrong("type", "\"object\""));
    }
    schema.text("$schema")?;
    strings(schema, "required")?;
    let Some(properties) = schema.object("properties")? else { return Ok(()) };
    let is_schema = |raw: &RawValue| raw.get().starts_with('{') || ["null", "true", "false"].contains(&raw.get());
    match properties.values().all(is_schema) {
        true => Ok(()),
        false => Err(schema.wrong("properties", "an object of schemas")),
    }
}

fn strings(object: &Object<'_>, key: &str) -> Result<(), ShapeError> {
    let Some(value) = object.some(key) else { return Ok(()) };
    match serde_json::from_str::<Vec<String>>(value.get()) {
        Ok(_) => Ok(()),
        Err(_) => Err(object.wrong(key, "an array of strings")),
    }
}

fn one_of(object: &Object<'_>, key: &str, words: &[&str], expected: &'static str) -> Result<(), ShapeError> {
    match object.text(key)? {
        Some(word) if !words.contains(&&*word) => Err(object.wrong(key, expected)),
        _ => Ok(()),
    }
}

/// Why clients of revisions before 2026-07-28, or any, are not told the output schema of a definition that is [`allowed`],
/// for people; `None`: they are, or there is none.
#[must_use]
pub fn output_problem(tool: &RawValue) -> Option<String> {
    let output = output(tool)?;
    if !refers_within(&output) {
        return Some("tool.outputSchema is not listed: it refers to something that is not in it".to_owned());
    }
    let why = of_object(&Object::read("tool.outputSchema", &output).ok()?).err()?;
    Some(format!("tool.outputSchema is not listed to clients of revisions before 2026-07-28: {why}"))
}

fn output(tool: &RawValue) -> Option<Box<RawValue>> {
    Object::read("tool", tool).ok()?.some("outputSchema").map(ToOwned::to_owned)
}

/// Whether a definition, as JSON, has an output schema.
#[must_use]
pub fn has_output_schema(tool: &str) -> bool {
    serde_json::from_str(tool).is_ok_and(|tool: &RawValue| output(tool).is_some())
}

/// Whether every reference leads to something in the schema: SDKs compile what they are listed, and one reference that
/// leads nowhere ends the whole list.
fn refers_within(schema: &RawValue) -> bool {
    let references = |text: &str| text.contains("Ref\"") || text.contains("$ref");
    if !references(schema.get()) {
        return true;
    }
    serde_json::from_str(schema.get()).is_ok_and(|root: Value| references_lead(&root, &root))
}

fn references_lead(at: &Value, root: &Value) -> bool {
    let leads = |reference: &str| match reference.strip_prefix('#') {
        Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => root.pointer(pointer).is_some(),
        // An anchor: rare, and compiled by those who know it.
        Some(_) => true,
        None => false,
    };
    match at {
        Value::Array(items) => items.iter().all(|item| references_lead(item, root)),
        Value::Object(members) => members.iter().all(|(key, value)| match value {
            Value::String(reference) if ["$ref", "$dynamicRef", "$recursiveRef"].contains(&key.as_str()) => {
                leads(reference)
            }
            value => references_lead(value, root),
        }),
        _ => true,
    }
}

/// A definition that is [`allowed`] as agents see it: called `name`, with the output schema that the client can read, and
/// without nulls where MCP and JSON Schema have none. Every byte of every other member is kept, in order.
#[must_use]
pub fn listed(tool: &RawValue, name: &str, output: OutputSchema) -> Box<RawValue> {
    let shown = match output {
        OutputSchema::LeftOut => false,
        OutputSchema::OfObject => output_problem(tool).is_none(),
        OutputSchema::Any => self::output(tool).is_some_and(|output| refers_within(&output)),
    };
    let mut text = String::with_capacity(tool.get().len() + name.len());
    object(tool.get(), &mut text, |key, value, text| {
        match key {
            "name" => push_string(name, text),
            "outputSchema" if !shown => return false,
            _ if value == "null" => return false,
            "inputSchema" | "outputSchema" => push_schema(value, true, text),
            "annotations" | "execution" => push_without_nulls(value, text),
            "icons" => push_icons(value, text),
            _ => text.push_str(value),
        }
        true
    });
    spliced(text)
}

/// Writes the members of an object that `member` writes: it is given key, value and where to write, and says whether the
/// member is there at all. What is no object is kept as it is.
fn object(json: &str, out: &mut String, mut member: impl FnMut(&str, &str, &mut String) -> bool) {
    let Ok(members) = members(json) else { return out.push_str(json) };
    out.push('{');
    let mut first = true;
    for (key, value) in members {
        let before = out.len();
        if !first {
            out.push(',');
        }
        out.push_str(key.get());
        out.push(':');
        let decoded = unquote(key.get());
        match member(decoded.as_deref().unwrap_or_default(), value.get(), out) {
            true => first = false,
            false => out.truncate(before),
        }
    }
    out.push('}');
}

fn array(json: &str, out: &mut String, mut entry: impl FnMut(&str, &mut String) -> bool) {
    let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(json) else { return out.push_str(json) };
    out.push('[');
    let mut first = true;
    for value in entries {
        let before = out.len();
        if !first {
            out.push(',');
        }
        match entry(value.get(), out) {
            true => first = false,
            false => out.truncate(before),
        }
    }
    out.push(']');
}

fn push_without_nulls(json: &str, out: &mut String) {
    object(json, out, |_, value, out| {
        out.push_str(value);
        value != "null"
    });
}

fn push_icons(json: &str, out: &mut String) {
    array(json, out, |icon, out| {
        push_without_nulls(icon, out);
        icon != "null"
    });
}

/// A schema; `root`: of the whole arguments or result, whose properties have to be objects.
fn push_schema(json: &str, root: bool, out: &mut String) {
    let is_plain = !json.contains("null") && (!root || !has_boolean_property(json));
    if is_plain {
        return out.push_str(json);
    }
    object(json, out, |key, value, out| {
        match value {
            "null" if !VALUES.contains(&key) => return false,
            _ if MAPS.contains(&key) && value.starts_with('{') => object(value, out, |_, value, out| {
                match value {
                    "null" => out.push_str(ANYTHING),
                    "true" if root && key == "properties" => out.push_str(ANYTHING),
                    "false" if root && key == "properties" => out.push_str(NOTHING),
                    _ => push_schema(value, false, out),
                }
                true
            }),
            _ if SCHEMAS.contains(&key) && value.starts_with('[') => array(value, out, |value, out| {
                match value {
                    "null" => out.push_str(ANYTHING),
                    _ => push_schema(value, false, out),
                }
                true
            }),
            _ if SCHEMAS.contains(&key) => push_schema(value, false, out),
            _ => out.push_str(value),
        }
        true
    });
}

fn has_boolean_property(schema: &str) -> bool {
    let of = |json: &str, key: &str| {
        let members = members(json).ok()?;
        members
            .into_iter()
            .find(|(name, _)| unquote(name.get()).as_deref() == Ok(key))
            .map(|(_, value)| value.to_owned())
    };
    let properties = of(schema, "properties").and_then(|properties| {
        let members = members(properties.get()).ok()?;
        Some(members.iter().any(|(_, value)| ["true", "false"].contains(&value.get())))
    });
    properties == Some(true)
}

#[cfg(test)]
#[path = "listed_tests.rs"]
mod tests;
