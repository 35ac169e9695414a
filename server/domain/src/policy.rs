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
