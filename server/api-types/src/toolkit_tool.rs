//! Tools as a toolkit exposes them, and their permissions.

use std::collections::BTreeMap;

use domain::{Permission, PolicyOverride, PolicyPatch};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A tool as one toolkit exposes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToolkitTool {
    /// Its id; approvals are bound to it.
    pub id: Uuid,
    /// The name that agents see.
    #[cfg_attr(feature = "openapi", schema(examples("pay")))]
    pub name: String,
    /// The slug of the connection that offers it.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub connection: String,
    /// Its name at the upstream.
    #[cfg_attr(feature = "openapi", schema(examples("payments.create")))]
    pub tool: String,
    /// The permission where no role policy says otherwise.
    pub permission: Permission,
    /// Permissions by the role's name.
    pub policies: BTreeMap<String, Permission>,
    /// What it sets differently from the toolkit's approval policy.
    pub approval_policy: Option<PolicyOverride>,
    /// How long its calls are held open at most, in seconds; absent: as the caller's key or client says.
    pub hold_seconds: Option<u8>,
    /// Whether the definition last seen differs from the one last reviewed: calls are held.
    pub definition_changed: bool,
    /// Whether the upstream's last list had it.
    pub offered: bool,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// Which tools of a connection to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichTools {
    /// All that it offers now.
    All,
    /// Those with these names.
    Named(Vec<String>),
}

impl Serialize for WhichTools {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for WhichTools {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Word(String),
            Names(Vec<String>),
        }
        match Either::deserialize(deserializer) {
            Ok(Either::Word(word)) if word == "all" => Ok(Self::All),
            Ok(Either::Names(names)) => Ok(Self::Named(names)),
            _ => Err(serde::de::Error::custom("`tools` must be a list of names, or \"all\"")),
        }
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for WhichTools {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Type};
        OneOfBuilder::new()
            .description(Some("The word `all`, or a list of names at the upstream."))
            .item(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["all"])))
            .item(ArrayBuilder::new().items(ObjectBuilder::new().schema_type(Type::String)))
            .examples([serde_json::json!(["payments.create", "payments.list"])])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for WhichTools {}

/// Tools to be added under the names they have at the upstream.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AddToolkitTools {
    /// The slug of the connection.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub connection: String,
    /// Which of its tools.
    pub tools: WhichTools,
    /// Their permission; `needs_approval` unless given. Of `all`, those that stand there keep theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
}

/// What was added to a toolkit, or was there already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AddedToolkitTools {
    /// The tools as they are in the toolkit.
    pub items: Vec<ToolkitTool>,
    /// Always `null`: the list is whole.
    pub next_cursor: Option<String>,
    /// With `"tools": "all"`, those tools that were not added since no tool of a toolkit can have their names: put each
    /// under another name with PUT.
    pub left_out: Vec<LeftOutTool>,
}

/// A tool that was not added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeftOutTool {
    /// Its name at the upstream.
    #[cfg_attr(feature = "openapi", schema(examples("create invoice")))]
    pub tool: String,
    /// What is wrong with the name.
    pub problem: String,
}

/// What stands under one name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutToolkitTool {
    /// The slug of the connection.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub connection: String,
    /// The tool's name at the upstream.
    #[cfg_attr(feature = "openapi", schema(examples("payments.create")))]
    pub tool: String,
    /// The permission where no role policy says otherwise; `needs_approval` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// What it sets differently from the toolkit's approval policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<PolicyOverride>,
    /// How long its calls are held open at most, 0 to 240 seconds: shortens what the caller's key or client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 240, examples(45)))]
    pub hold_seconds: Option<u32>,
}

/// What to change about what stands under one name; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateToolkitTool {
    /// The slug of another connection.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, examples("bank")))]
    pub connection: Option<String>,
    /// The name of another tool at the upstream. Permissions of roles were given for the one before, and go with it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, examples("payments.create")))]
    pub tool: Option<String>,
    /// The permission where no role policy says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub permission: Option<Permission>,
    /// What it sets differently from now on: its members that are absent stay, those that are `null` are cleared; `null`
    /// itself: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<PolicyPatch>))]
    pub approval_policy: Option<Option<PolicyPatch>>,
    /// How long its calls are held open at most from now on, 0 to 240 seconds; `null`: as the caller's key or client says.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, maximum = 240, examples(45)))]
    pub hold_seconds: Option<Option<u32>>,
}

/// A role's permission.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutRolePolicy {
    /// What the role may do with the tool.
    pub permission: Permission,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_a_list_of_names_or_the_word_all() {
        let read = |json| serde_json::from_str::<WhichTools>(json).ok();
        assert_eq!(read(r#""all""#), Some(WhichTools::All));
        assert_eq!(read(r#"["a","all"]"#), Some(WhichTools::Named(vec!["a".to_owned(), "all".to_owned()])));
        for wrong in [r#""some""#, "{}", "null", "[1]"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
