//! Orgs: the tenants.

use chrono::{DateTime, Utc};
use domain::{ApprovalPolicy, PolicyPatch, loosening::KeyAdministration};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An org.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Org {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs: `[a-z0-9-]`, 2 to 40 characters, never changed.
    #[cfg_attr(feature = "openapi", schema(examples("acme")))]
    pub slug: String,
    /// Its name for people.
    #[cfg_attr(feature = "openapi", schema(examples("Acme")))]
    pub name: String,
    /// Who decides, and how long a request lives, unless a toolkit or a tool says otherwise.
    pub approval_policy: ApprovalPolicy,
    /// What API keys may loosen; changed by people only.
    #[serde(default)]
    pub key_administration: KeyAdministration,
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

/// An org to be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateOrg {
    /// Its name in URLs.
    #[cfg_attr(
        feature = "openapi",
        schema(min_length = 2, max_length = 40, pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", examples("acme"))
    )]
    pub slug: String,
    /// Its name for people: 1 to 100 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100, examples("Acme")))]
    pub name: String,
}

/// What to change about an org; what is absent stays.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateOrg {
    /// Its new name for people.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 100, examples("Acme")))]
    pub name: Option<String>,
    /// The fields of its approval policy that change.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, examples(json!({"expires_after_seconds": 3600}))))]
    pub approval_policy: Option<PolicyPatch>,
    /// What API keys may loosen from now on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub key_administration: Option<KeyAdministration>,
}
