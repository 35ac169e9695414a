//! Who may decide, and how long a request lives (approvals.md, "Who may decide").

use serde::{Deserialize, Serialize};

use crate::right::ADMIN;

/// The approval policy in force for one toolkit tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalPolicy {
    /// Names of the roles whose people may decide.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 50, examples("approver")))]
    pub approver_roles: Vec<String>,
    /// How many distinct people must approve.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub required: u32,
    /// Whether the owner, creator or rotator of the asking key, or the asking person, may decide.
    pub allow_self_approval: bool,
    /// How long a request waits for a decision, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 10, maximum = 2592000, examples(3600)))]
    pub expires_after_seconds: u32,
    /// How long an approval may wait to be used, in seconds.
    #[cfg_attr(feature = "openapi", schema(minimum = 10, maximum = 2592000, examples(86400)))]
    pub execute_within_seconds: u32,
}

impl Default for ApprovalPolicy {
    fn default() -> Self {
        Self {
            approver_roles: vec![ADMIN.to_owned(), "approver".to_owned()],
            required: 1,
            allow_self_approval: false,
            expires_after_seconds: 3_600,
            execute_within_seconds: 86_400,
        }
    }
}

/// What a toolkit or a toolkit tool sets differently; what is absent is inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyOverride {
    /// Names of the roles whose people may decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 50, examples("approver")))]
    pub approver_roles: Option<Vec<String>>,
    /// How many distinct people must approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1))]
    pub required: Option<u32>,
    /// Whether the owner, creator or rotator of the asking key, or the asking person, may decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_self_approval: Option<bool>,
    /// How long a request waits for a decision, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 10, maximum = 2592000, examples(3600)))]
    pub expires_after_seconds: Option<u32>,
    /// How long an approval may wait to be used, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 10, maximum = 2592000, examples(86400)))]
    pub execute_within_seconds: Option<u32>,
}

/// What to change about an approval policy (RFC 7396): what is absent stays, `null` clears.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyPatch {
    /// Names of the roles whose people may decide.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 50, examples("approver")))]
    pub approver_roles: Option<Option<Vec<String>>>,
    /// How many distinct people must approve.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 1, maximum = 1))]
    pub required: Option<Option<u32>>,
    /// Whether the owner, creator or rotator of the asking key, or the asking person, may decide.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<bool>))]
    pub allow_self_approval: Option<Option<bool>>,
    /// How long a request waits for a decision, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 10, maximum = 2592000, examples(86400)))]
    pub expires_after_seconds: Option<Option<u32>>,
    /// How long an approval may wait to be used, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>, minimum = 10, maximum = 2592000, examples(86400)))]
    pub execute_within_seconds: Option<Option<u32>>,
}

/// A member that is there, `null` included.
fn given<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl PolicyPatch {
    /// What is set after this change of what was set before; `None` when nothing is.
    pub fn merged(&self, stored: Option<&PolicyOverride>) -> Option<PolicyOverride> {
        fn one<T: Clone>(change: &Option<Option<T>>, stored: Option<&T>) -> Option<T> {
            change.as_ref().map_or_else(|| stored.cloned(), Clone::clone)
        }
        let stored = stored.cloned().unwrap_or_default();
        let merged = PolicyOverride {
            approver_roles: one(&self.approver_roles, stored.approver_roles.as_ref()),
            required: one(&self.required, stored.required.as_ref()),
            allow_self_approval: one(&self.allow_self_approval, stored.allow_self_approval.as_ref()),
            expires_after_seconds: one(&self.expires_after_seconds, stored.expires_after_seconds.as_ref()),
            execute_within_seconds: one(&self.execute_within_seconds, stored.execute_within_seconds.as_ref()),
        };
        (merged != PolicyOverride::default()).then_some(merged)
    }

    /// The name of the first field that is cleared.
    pub fn cleared(&self) -> Option<&'static str> {
        fn is_cleared<T>(change: &Option<Option<T>>) -> bool {
            matches!(change, Some(None))
        }
        [
            ("approver_roles", is_cleared(&self.approver_roles)),
            ("required", is_cleared(&self.required)),
            ("allow_self_approval", is_cleared(&self.allow_self_approval)),
            ("expires_after_seconds", is_cleared(&self.expires_after_seconds)),
            ("execute_within_seconds", is_cleared(&self.execute_within_seconds)),
        ]
        .into_iter()
        .find_map(|(name, is_cleared)| is_cleared.then_some(name))
    }
}

/// A field of a policy that is out of bounds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct PolicyError {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: &'static str,
}

impl PolicyOverride {
    /// This one with what a narrower one sets.
    pub fn with(&self, narrower: &Self) -> Self {
        Self {
            approver_roles: narrower.approver_roles.as_ref().or(self.approver_roles.as_ref()).cloned(),
            required: narrower.required.or(self.required),
            allow_self_approval: narrower.allow_self_approval.or(self.allow_self_approval),
            expires_after_seconds: narrower.expires_after_seconds.or(self.expires_after_seconds),
            execute_within_seconds: narrower.execute_within_seconds.or(self.execute_within_seconds),
        }
    }
}

impl ApprovalPolicy {
    /// The policy with what `change` sets.
    pub fn with(&self, change: &PolicyOverride) -> Self {
        Self {
            approver_roles: change.approver_roles.clone().unwrap_or_else(|| self.approver_roles.clone()),
            required: change.required.unwrap_or(self.required),
            allow_self_approval: change.allow_self_approval.unwrap_or(self.allow_self_approval),
            expires_after_seconds: change.expires_after_seconds.unwrap_or(self.expires_after_seconds),
            execute_within_seconds: change.execute_within_seconds.unwrap_or(self.execute_within_seconds),
        }
    }

    /// Checks every bound.
    ///
    /// # Errors
    /// The first field that is out of bounds. More than one required approver is refused until
    /// quorum decisions exist: accepting a setting that is not kept would be a lie.
    pub fn check(&self) -> Result<(), PolicyError> {
        let err = |field, message| Err(PolicyError { field, message });
        if self.approver_roles.is_empty() {
            return err("approver_roles", "must name at least one role");
        }
        if self.approver_roles.len() > 50 {
            return err("approver_roles", "may name at most 50 roles");
        }
        if self.required != 1 {
            return err("required", "must be 1: decisions by several people are not offered yet");
        }
        if !(10..=2_592_000).contains(&self.expires_after_seconds) {
            return err("expires_after_seconds", "must be 10 seconds to 30 days (2592000)");
        }
        if !(10..=2_592_000).contains(&self.execute_within_seconds) {
            return err("execute_within_seconds", "must be 10 seconds to 30 days (2592000)");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_changes_only_what_it_names() {
        let base = ApprovalPolicy::default();
        let change = PolicyOverride { allow_self_approval: Some(true), ..PolicyOverride::default() };
        let merged = base.with(&change);
        assert_eq!(merged, ApprovalPolicy { allow_self_approval: true, ..base.clone() });
        assert_eq!(base.with(&PolicyOverride::default()), base);
    }

    #[test]
    fn overrides_laid_on_each_other_do_what_they_do_one_after_the_other() {
        let wide = PolicyOverride {
            approver_roles: Some(vec!["a".to_owned()]),
            allow_self_approval: Some(true),
            ..PolicyOverride::default()
        };
        let narrow = PolicyOverride {
            approver_roles: Some(vec!["b".to_owned()]),
            expires_after_seconds: Some(60),
            ..PolicyOverride::default()
        };
        let base = ApprovalPolicy::default();
        assert_eq!(base.with(&wide.with(&narrow)), base.with(&wide).with(&narrow));
        assert_eq!(wide.with(&PolicyOverride::default()), wide);
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name_and_clears_what_is_null() {
        let stored = PolicyOverride {
            approver_roles: Some(vec!["a".to_owned()]),
            allow_self_approval: Some(true),
            ..PolicyOverride::default()
        };
        let read = |json| serde_json::from_str::<PolicyPatch>(json).unwrap_or_default();
        let change = read(r#"{"expires_after_seconds": 60, "allow_self_approval": null}"#);
        let merged = PolicyOverride { expires_after_seconds: Some(60), allow_self_approval: None, ..stored.clone() };
        assert_eq!(change.merged(Some(&stored)), Some(merged));
        assert_eq!(change.cleared(), Some("allow_self_approval"));
        assert_eq!(read("{}").merged(Some(&stored)), Some(stored.clone()));
        assert_eq!((read("{}").merged(None), read("{}").cleared()), (None, None));
        let all = read(r#"{"approver_roles": null, "allow_self_approval": null}"#);
        assert_eq!(all.merged(Some(&stored)), None, "nothing is set any more");
    }

    #[test]
    fn every_bound_is_checked() {
        let ok = ApprovalPolicy::default();
        assert_eq!(ok.check(), Ok(()));
        let field = |p: ApprovalPolicy| p.check().map_err(|e| e.field);
        assert_eq!(field(ApprovalPolicy { approver_roles: vec![], ..ok.clone() }), Err("approver_roles"));
        assert_eq!(field(ApprovalPolicy { required: 0, ..ok.clone() }), Err("required"));
        assert_eq!(field(ApprovalPolicy { required: 2, ..ok.clone() }), Err("required"));
        assert_eq!(field(ApprovalPolicy { expires_after_seconds: 9, ..ok.clone() }), Err("expires_after_seconds"));
        assert_eq!(field(ApprovalPolicy { execute_within_seconds: 2_592_001, ..ok }), Err("execute_within_seconds"));
    }
}
