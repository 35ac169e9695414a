//! Orgs: the tenants.

use chrono::{DateTime, Utc};
use domain::{ApprovalPolicy, PolicyOverride};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An org.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Org {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs: `[a-z0-9-]`, 2 to 40 characters, never changed.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Who decides, and how long a request lives, unless a toolkit or a tool says otherwise.
    pub approval_policy: ApprovalPolicy,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An org to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateOrg {
    /// Its name in URLs.
    pub slug: String,
    /// Its name for people: 1 to 100 characters.
    pub name: String,
}

/// What to change about an org; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateOrg {
    /// Its new name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fields of its approval policy that change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_policy: Option<PolicyOverride>,
}
