//! As much of an OpenAPI document as the page shows, in the document's order. Only what this API
//! uses is known here; a test reads the real document with it.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) info: Info,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    pub(super) paths: IndexMap<String, IndexMap<String, Operation>>,
    pub(super) components: Components,
}

#[derive(Deserialize)]
pub(super) struct Info {
    pub(super) title: String,
    pub(super) version: String,
    pub(super) description: String,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
pub(super) struct Components {
    pub(super) schemas: IndexMap<String, Schema>,
    pub(super) responses: IndexMap<String, ResponseDoc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Operation {
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) operation_id: String,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) parameters: Vec<Parameter>,
    pub(super) request_body: Option<Body>,
    pub(super) responses: IndexMap<String, ResponseDoc>,
    #[serde(default)]
    pub(super) security: Vec<IndexMap<String, Vec<String>>>,
    #[serde(default, rename = "x-codeSamples")]
    pub(super) samples: Vec<Sample>,
}

/// A program that asks for an operation.
#[derive(Deserialize)]
pub(super) struct Sample {
    pub(super) label: String,
    pub(super) source: String,
}

#[derive(Deserialize)]
pub(super) struct Parameter {
    pub(super) name: String,
    #[serde(rename = "in")]
    pub(super) place: String,
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) description: String,
    pub(super) schema: Schema,
}

#[derive(Deserialize)]
pub(super) struct Body {
    pub(super) content: IndexMap<String, Media>,
}

/// An answer, or where it is described.
#[derive(Deserialize)]
pub(super) struct ResponseDoc {
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) content: IndexMap<String, Media>,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) schema: Option<Schema>,
}

/// A JSON schema, or where it is described.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Schema {
    #[serde(rename = "$ref")]
    pub(super) reference: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Kinds,
    pub(super) format: Option<String>,
    pub(super) description: String,
    #[serde(rename = "enum")]
    pub(super) words: Vec<Value>,
    pub(super) default: Option<Value>,
    pub(super) examples: Vec<Value>,
    pub(super) minimum: Option<serde_json::Number>,
    pub(super) maximum: Option<serde_json::Number>,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) min_items: Option<u64>,
    pub(super) max_items: Option<u64>,
    pub(super) pattern: Option<String>,
    pub(super) required: Vec<String>,
    pub(super) properties: IndexMap<String, Schema>,
    pub(super) additional_properties: Option<Others>,
    pub(super) items: Option<Box<Schema>>,
    pub(super) one_of: Vec<Schema>,
    pub(super) all_of: Vec<Schema>,
}

/// `type`: one name or several.
#[derive(Clone, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Kinds {
    #[default]
    Any,
    One(String),
    Several(Vec<String>),
}

/// `additionalProperties`: whether there may be others, or what they are.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Others {
    Allowed(bool),
    Of(Box<Schema>),
}

impl Kinds {
    fn names(&self) -> &[String] {
        match self {
            Self::Any => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// The type's name, `null` aside.
    pub(super) fn name(&self) -> Option<&str> {
        self.names().iter().map(String::as_str).find(|name| *name != "null")
    }

    fn has_null(&self) -> bool {
        self.names().iter().any(|name| name == "null")
    }
}

impl Schema {
    /// The name of the schema that this one points to.
    pub(super) fn target(&self) -> Option<&str> {
        self.reference.as_deref()?.strip_prefix("#/components/schemas/")
    }

    /// Whether it allows `null`.
    pub(super) fn is_nullable(&self) -> bool {
        self.kind.has_null() || self.one_of.iter().any(Self::is_only_null)
    }

    /// Whether it allows nothing else.
    pub(super) fn is_only_null(&self) -> bool {
        self.kind.has_null() && self.kind.name().is_none()
    }
}

impl Document {
    /// Follows a schema to where it is described.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Schema) -> &'a Schema {
        schema.target().and_then(|name| self.components.schemas.get(name)).unwrap_or(schema)
    }

    /// Follows an answer to where it is described.
    pub(super) fn answer<'a>(&'a self, answer: &'a ResponseDoc) -> &'a ResponseDoc {
        let name = answer.reference.as_deref().and_then(|path| path.strip_prefix("#/components/responses/"));
        name.and_then(|name| self.components.responses.get(name)).unwrap_or(answer)
    }
}

impl Operation {
    /// Whether anybody may ask, without a credential.
    pub(super) fn is_public(&self) -> bool {
        self.security.is_empty()
    }

    /// The right that it needs in the org of its path.
    pub(super) fn right(&self) -> Option<&str> {
        self.security.first()?.values().next()?.first().map(String::as_str)
    }
}
