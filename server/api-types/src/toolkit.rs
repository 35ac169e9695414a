//! Toolkits: named sets of tools served at one MCP endpoint.

use chrono::{DateTime, Utc};
use domain::{PolicyOverride, PolicyPatch};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who may use a toolkit: `private` is for its org and does not exist for anybody else, `public` is for
/// every authenticated caller, from outside with the role `guest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its org; to anybody else it does not exist.
    Private,
    /// Every authenticated caller; from outside with the role `guest`.
    Public,
}

impl Visibility {
    /// The word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }
}

/// A toolkit.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Toolkit {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs.
    #[cfg_attr(feature = "openapi", schema(examples("bank")))]
    pub slug: String,
    /// Its name for people.
    #[cfg_attr(feature = "openapi", schema(examples("Bank")))]
    pub name: String,
    /// Who may use it.
    pub visibility: Visibility,
    /// What it sets differently from the org's approval policy.
    pub approval_policy: Option<PolicyOverride>,
    /// What its agents are told in place of what its upstreams say.
    #[serde(default)]
    pub instructions: Option<String>,
    /// Where agents reach it.
    #[cfg_attr(feature = "openapi", schema(format = "uri", examples("https://permesso.example.com/acme/bank/mcp")))]
    pub mcp_url: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The tag of what can be changed: as `If-Match`, a change is made only to the state that was seen.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(pattern = "^\"[0-9a-f]{32}\"$", examples("\"0f4b1d9c3a5e7f820f4b1d9c3a5e7f82\""))
    )]
    pub etag: String,
}

/// A toolkit to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateToolkit {
    /// Its name in URLs: `[a-z0-9-]`, 2 to 40 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 40, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", examples("bank"))
    )]
    pub slug: String,
    /// Its name for people: 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100, examples("Bank")))]
    pub name: String,
    /// Who may use it.
    pub visibility: Visibility,
    /// What it sets differently from the org's approval policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<PolicyOverride>,
    /// What its agents are told in place of what its upstreams say: at most 7,900 bytes of UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 7900, examples("Amounts are in cents.")))]
    pub instructions: Option<String>,
}

/// What to change about a toolkit; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateToolkit {
    /// Its new name in URLs: agents must be told.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(
        feature = "openapi",
        schema(
            nullable = false,
            min_length = 2,
            max_length = 40,
            pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$",
            examples("bank")
        )
    )]
    pub slug: Option<String>,
    /// Its new name for people.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 100, examples("Bank")))]
    pub name: Option<String>,
    /// Who may use it from now on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub visibility: Option<Visibility>,
    /// What it sets differently from now on: its members that are absent stay, those that are `null` are cleared; `null`
    /// itself: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<PolicyPatch>))]
    pub approval_policy: Option<Option<PolicyPatch>>,
    /// What its agents are told from now on, at most 7,900 bytes of UTF-8; `null`: what its upstreams say.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, max_length = 7900))]
    pub instructions: Option<Option<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_policy_stays_and_a_null_one_is_cleared() {
        let read = |json| serde_json::from_str::<UpdateToolkit>(json).map(|update| update.approval_policy).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"approval_policy": null}"#), Some(Some(None)));
        assert_eq!(read(r#"{"approval_policy": {}}"#), Some(Some(Some(PolicyPatch::default()))));
        assert_eq!(read(r#"{"approval_policy": {"requird": 1}}"#), None);
    }

    #[test]
    fn what_cannot_be_absent_cannot_be_null() {
        for name in ["slug", "name", "visibility"] {
            assert!(serde_json::from_str::<UpdateToolkit>(&format!(r#"{{"{name}": null}}"#)).is_err(), "{name}");
        }
    }
}
