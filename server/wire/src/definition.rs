//! Tool definitions: what an upstream says about a tool, and what of it is reviewed. How it is listed to agents is in
//! [`listed`](crate::listed).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    canonical::{CanonicalError, canonical, sha256},
    normal::normal,
    shape::{Object, ShapeError},
};

/// The members that a review covers and an approval is bound to (approvals.md, "What
/// an approval is bound to").
const REVIEWED: [&str; 6] = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

/// Why a definition cannot be used. The texts are public.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// A member is missing or of the wrong type.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// What is reviewed has no canonical form.
    #[error("the tool's definition cannot be compared: {0}")]
    Canonical(#[from] CanonicalError),
}

/// A tool's own claims about itself (MCP, `ToolAnnotations`); absent where it makes
/// none or no boolean one. Untrusted: they may make the gateway stricter, never laxer
/// without an admin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hints {
    /// `readOnlyHint`: it changes nothing.
    pub read_only: Option<bool>,
    /// `destructiveHint`: it may destroy something.
    pub destructive: Option<bool>,
    /// `idempotentHint`: a second run with the same arguments changes nothing more.
    pub idempotent: Option<bool>,
    /// `openWorldHint`: it deals with things outside of the upstream.
    pub open_world: Option<bool>,
}

impl Hints {
    /// Reads the hints of one entry of `tools/list` and nothing else of it, which takes a small part of
    /// [`ToolDefinition::parse`]. None of an entry that is no object.
    #[must_use]
    pub fn read(raw: &RawValue) -> Self {
        Object::read("tool", raw).and_then(|tool| hints(&tool)).unwrap_or_default()
    }
}

/// One tool as its upstream defines it.
#[derive(Debug, Clone)]
pub struct ToolDefinition {
    /// The upstream's name for it; not empty.
    pub name: String,
    /// The whole definition as it was written.
    pub raw: Box<RawValue>,
    /// SHA-256 of the canonical JSON of an object that has, of name, title,
    /// description, inputSchema, outputSchema and annotations, those that are present.
    pub sha256: [u8; 32],
    /// Its name for people.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments: an object, as it was written.
    pub input_schema: Box<RawValue>,
    /// Its claims about itself.
    pub hints: Hints,
}

impl ToolDefinition {
    /// Reads one entry of `tools/list`.
    ///
    /// `null` counts as absent for title, description and annotations.
    ///
    /// # Errors
    /// [`DefinitionError`] for a member that is missing or of the wrong type, and for
    /// what has no canonical form (a duplicate key anywhere in a schema).
    pub fn parse(raw: &RawValue) -> Result<Self, DefinitionError> {
        let tool = Object::read("tool", raw)?;
        let name = tool.required_text("name")?;
        if name.is_empty() {
            return Err(tool.wrong("name", "a name that is not empty").into());
        }
        let input_schema = tool.some("inputSchema");
        let input_schema = input_schema.ok_or_else(|| tool.missing("inputSchema"))?;
        if !input_schema.get().starts_with('{') {
            return Err(tool.wrong("inputSchema", "an object").into());
        }
        Ok(Self {
            sha256: sha256(canonical(&reviewed(&tool))?.as_bytes()),
            name: name.into_owned(),
            raw: raw.to_owned(),
            title: tool.text("title")?.map(Cow::into_owned),
            description: tool.text("description")?.map(Cow::into_owned),
            input_schema: input_schema.to_owned(),
            hints: hints(&tool)?,
        })
    }

    /// The name in one entry of `tools/list`, whatever else is wrong with it.
    #[must_use]
    pub fn name(raw: &RawValue) -> Option<String> {
        Some(Object::read("tool", raw).ok()?.text("name").ok()??.into_owned())
    }
}

/// SHA-256 of what a review covers in its normalised form ([`normal`](crate::normal)), of the definition in `json`:
/// definitions that share it are the same to a reviewer and to an approval.
///
/// # Errors
/// [`DefinitionError`] for what is no object or has no canonical form.
pub fn normal_sha256(json: &str) -> Result<[u8; 32], DefinitionError> {
    let raw = serde_json::from_str(json).map_err(|error| CanonicalError::Syntax { reason: error.to_string() })?;
    Ok(sha256(normal(&reviewed(&Object::read("tool", raw)?))?.as_bytes()))
}

fn reviewed(tool: &Object<'_>) -> String {
    let present = REVIEWED.iter().filter_map(|key| Some((key, tool.get(key)?.get())));
    let members: Vec<_> = present.map(|(key, value)| format!("\"{key}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn hints(tool: &Object<'_>) -> Result<Hints, ShapeError> {
    let Some(annotations) = tool.object("annotations")? else {
        return Ok(Hints::default());
    };
    Ok(Hints {
        read_only: annotations.flag("readOnlyHint"),
        destructive: annotations.flag("destructiveHint"),
        idempotent: annotations.flag("idempotentHint"),
        open_world: annotations.flag("openWorldHint"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SEND: &str = r#"{ "n\u0061me" : "send", "icons":[{"src":"x","n":1.0}],
        "title":"Send \u00e9", "description":"Sends.",
        "inputSchema":{"type":"object","properties":{"b":{},"a":{"maximum":1e2}}},
        "outputSchema":{"type":"object"},
        "annotations":{"readOnlyHint":false,"destructiveHint":true,"idempotentHint":"yes"},
        "_meta":{"outputSchema":1} }"#;

    fn parse(json: &str) -> Result<ToolDefinition, DefinitionError> {
        ToolDefinition::parse(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_the_gateway_needs_is_read() {
        let tool = parse(SEND).unwrap();
        assert_eq!(tool.name, "send");
        assert_eq!(tool.raw.get(), SEND);
        assert_eq!(tool.title.as_deref(), Some("Send é"));
        assert_eq!(tool.description.as_deref(), Some("Sends."));
        assert!(tool.input_schema.get().ends_with(r#"{"maximum":1e2}}}"#));
        let hints = Hints { read_only: Some(false), destructive: Some(true), ..Hints::default() };
        assert_eq!(tool.hints, hints);
        assert_eq!(Hints::read(&tool.raw), hints);
        assert_eq!(Hints::read(serde_json::from_str("[1]").unwrap()), Hints::default());
    }

    #[test]
    fn the_hash_is_that_of_the_reviewed_members_in_canonical_form() {
        let canonical = concat!(
            r#"{"annotations":{"destructiveHint":true,"idempotentHint":"yes","readOnlyHint":false},"#,
            r#""description":"Sends.","#,
            r#""inputSchema":{"properties":{"a":{"maximum":100},"b":{}},"type":"object"},"#,
            r#""name":"send","outputSchema":{"type":"object"},"title":"Send é"}"#
        );
        assert_eq!(parse(SEND).unwrap().sha256, sha256(canonical.as_bytes()));
        let bare = parse(r#"{"inputSchema":{},"name":"a"}"#).unwrap();
        assert_eq!(bare.sha256, sha256(br#"{"inputSchema":{},"name":"a"}"#));
    }

    #[test]
    fn the_normalised_hash_covers_the_same_members_and_no_order_of_sets() {
        let tool = |json: &str| parse(json).unwrap();
        let one = tool(r#"{"name":"a","inputSchema":{"required":["x","y"]},"_meta":{"a":1}}"#);
        let other = tool(r#"{"inputSchema":{"required":["y","x"]},"name":"a"}"#);
        assert_ne!(one.sha256, other.sha256);
        let normal = |tool: &ToolDefinition| normal_sha256(tool.raw.get()).unwrap();
        assert_eq!(normal(&one), normal(&other));
        assert_eq!(normal(&one), one.sha256, "it is sorted");
        let more = tool(r#"{"inputSchema":{"required":["y","x","z"]},"name":"a"}"#);
        assert_ne!(normal(&one), normal(&more));
        assert!(normal_sha256("[]").is_err() && normal_sha256("{").is_err());
    }

    #[test]
    fn every_reviewed_member_counts_and_no_other_does() {
        let hash = |from: &str, to: &str| {
            let changed = SEND.replace(from, to);
            assert_ne!(changed, SEND, "{from}");
            parse(&changed).unwrap().sha256
        };
        let original = parse(SEND).unwrap().sha256;
        for (from, to) in [
            ("\"send\"", "\"sent\""),
            ("Send \\u00e9", "Send e"),
            ("Sends.", "Sends!"),
            ("1e2", "101"),
            ("\"outputSchema\":{\"type\":\"object\"},", ""),
            ("\"destructiveHint\":true", "\"destructiveHint\":false"),
        ] {
            assert_ne!(hash(from, to), original, "{from}");
        }
        for (from, to) in [
            ("\"src\":\"x\"", "\"src\":\"y\""),
            ("\"_meta\":{\"outputSchema\":1}", "\"_meta\":{}"),
            ("1e2", "100.0"),
            ("\\u00e9", "é"),
            ("{\"b\":{},\"a\":{\"maximum\":1e2}}", "{\"a\":{\"maximum\":1e2},\"b\":{}}"),
        ] {
            assert_eq!(hash(from, to), original, "{from}");
        }
    }

    #[test]
    fn a_definition_that_is_not_sound_is_refused_by_name() {
        for (tool, message) in [
            ("[]", "tool must be an object"),
            (r#"{"inputSchema":{}}"#, "tool.name is missing"),
            (r#"{"name":"","inputSchema":{}}"#, "tool.name must be a name that is not empty"),
            (r#"{"name":"a"}"#, "tool.inputSchema is missing"),
            (r#"{"name":"a","inputSchema":true}"#, "tool.inputSchema must be an object"),
            (r#"{"name":"a","inputSchema":{},"title":1}"#, "tool.title must be a string"),
            (r#"{"name":"a","inputSchema":{},"annotations":[]}"#, "tool.annotations must be an object"),
            (
                r#"{"name":"a","inputSchema":{},"description":"x","descriptio\u006e":"y"}"#,
                r#"tool has the key "description" twice"#,
            ),
            (
                r#"{"name":"a","inputSchema":{"type":{},"type":{}}}"#,
                "the tool's definition cannot be compared: duplicate key at \
                 \"/inputSchema/type\": each key may stand in an object once",
            ),
        ] {
            assert_eq!(parse(tool).unwrap_err().to_string(), message, "{tool}");
        }
        let lax = r#"{"name":"a","inputSchema":{},"title":null,"annotations":null}"#;
        assert_eq!(parse(lax).unwrap().title, None);
    }
}
