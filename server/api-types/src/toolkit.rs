//! Toolkits: named sets of tools served at one MCP endpoint.

use chrono::{DateTime, Utc};
use domain::PolicyOverride;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who may use a toolkit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
pub struct Toolkit {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Who may use it.
    pub visibility: Visibility,
    /// What it sets differently from the org's approval policy.
    pub approval_policy: Option<PolicyOverride>,
    /// Where agents reach it.
    pub mcp_url: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A toolkit to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateToolkit {
    /// Its name in URLs: `[a-z0-9-]`, 2 to 40 characters.
    pub slug: String,
    /// Its name for people: 1 to 100 characters.
    pub name: String,
    /// Who may use it.
    pub visibility: Visibility,
    /// What it sets differently from the org's approval policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<PolicyOverride>,
}

/// What to change about a toolkit; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateToolkit {
    /// Its new name in URLs: agents must be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// Its new name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who may use it from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// What it sets differently from now on, whole; `null`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::given")]
    pub approval_policy: Option<Option<PolicyOverride>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_policy_stays_and_a_null_one_is_cleared() {
        let read = |json| serde_json::from_str::<UpdateToolkit>(json).map(|update| update.approval_policy).ok();
        assert_eq!(read("{}"), Some(None));
        assert_eq!(read(r#"{"approval_policy": null}"#), Some(Some(None)));
        assert_eq!(read(r#"{"approval_policy": {}}"#), Some(Some(Some(PolicyOverride::default()))));
        assert_eq!(read(r#"{"approval_policy": {"requird": 1}}"#), None);
    }
}
