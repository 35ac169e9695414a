//! The gate: the pure function that turns role, tool and policy into a verdict, with the reason.

use crate::{
    Permission, RoleId,
    directory::{Tool, ToolkitTool},
};

/// What happens with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs now.
    Run(Rule),
    /// It waits for a person.
    Hold(Rule),
    /// It does not run.
    Refuse(Rule),
}

impl Verdict {
    /// Why.
    pub fn rule(&self) -> &Rule {
        match self {
            Self::Run(rule) | Self::Hold(rule) | Self::Refuse(rule) => rule,
        }
    }
}

/// Why a call runs, waits or is refused. Its text is shown to people and kept in the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The toolkit's default for everybody in the org.
    Default(Permission),
    /// The policy for the caller's role.
    Role {
        /// The role's name.
        role: String,
        /// What it says.
        permission: Permission,
    },
    /// The upstream changed the tool's definition, and nobody has reviewed it.
    DefinitionChanged,
    /// The upstream no longer offers the tool.
    NotOffered,
    /// The connection was switched off.
    ConnectionDisabled,
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default(permission) => write!(f, "toolkit default: {permission}"),
            Self::Role { role, permission } => write!(f, "policy for role {role}: {permission}"),
            Self::DefinitionChanged => f.write_str("the tool's definition changed and has not been reviewed"),
            Self::NotOffered => f.write_str("the upstream no longer offers this tool"),
            Self::ConnectionDisabled => f.write_str("the connection is switched off"),
        }
    }
}

/// The permission that a role has for a tool, and the rule that says so: the role's policy, else
/// the default.
pub fn permission_for(tool: &ToolkitTool, role: RoleId, role_name: &str) -> (Permission, Rule) {
    match tool.policies.get(&role) {
        Some(&permission) => (permission, Rule::Role { role: role_name.to_owned(), permission }),
        None => (tool.permission, Rule::Default(tool.permission)),
    }
}

/// Decides one call.
///
/// `connection_enabled` is the state of the tool's connection. A blocked tool is refused whatever
/// else is true. A changed definition only ever makes the answer stricter: a call that would run is
/// held (approvals.md, "A changed definition").
pub fn gate(tool: &ToolkitTool, upstream: &Tool, connection_enabled: bool, role: RoleId, role_name: &str) -> Verdict {
    let (permission, rule) = permission_for(tool, role, role_name);
    if permission == Permission::Blocked {
        return Verdict::Refuse(rule);
    }
    if !connection_enabled {
        return Verdict::Refuse(Rule::ConnectionDisabled);
    }
    if !upstream.offered {
        return Verdict::Refuse(Rule::NotOffered);
    }
    if upstream.changed {
        return Verdict::Hold(Rule::DefinitionChanged);
    }
    match permission {
        Permission::AlwaysAllow => Verdict::Run(rule),
        Permission::NeedsApproval | Permission::Blocked => Verdict::Hold(rule),
    }
}

/// Whether some call of this tool by this role may have to wait for a person: then it is listed without `outputSchema`,
/// whatever the toolkit lists, and the built-in tools are listed beside it.
pub fn may_hold(tool: &ToolkitTool, upstream: &Tool, role: RoleId, role_name: &str) -> bool {
    matches!(gate(tool, upstream, true, role, role_name), Verdict::Hold(_))
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use super::*;
    use crate::{ConnectionId, ToolId, ToolkitToolId};

    const PERMISSIONS: [Permission; 3] = [Permission::AlwaysAllow, Permission::NeedsApproval, Permission::Blocked];

    fn tool(offered: bool, changed: bool) -> Arc<Tool> {
        Arc::new(Tool {
            id: ToolId::new(),
            connection: ConnectionId::new(),
            name: "t".into(),
            definition: "{}".into(),
            text_sha256: [0; 32],
            seen_sha256: [0; 32],
            normal_sha256: None,
            changed,
            offered,
        })
    }

    /// Every combination there is: 3 defaults × 4 policies × 2^3 conditions, against the contract
    /// restated as a table of precedence.
    #[test]
    fn every_combination_gets_the_verdict_of_the_contract() {
        let role = RoleId::new();
        let mut seen = 0;
        for default in PERMISSIONS {
            for policy in [None, Some(PERMISSIONS[0]), Some(PERMISSIONS[1]), Some(PERMISSIONS[2])] {
                for bits in 0..8 {
                    let [enabled, offered, changed] = [0, 1, 2].map(|b| bits & (1 << b) != 0);
                    let upstream = tool(offered, changed);
                    let tool = ToolkitTool {
                        id: ToolkitToolId::new(),
                        name: "t".into(),
                        permission: default,
                        policies: policy.map(|p| (role, p)).into_iter().collect(),
                        policy: None,
                        hold: None,
                        schema_listed_until: None,
                        tool: upstream.clone(),
                    };
                    let verdict = gate(&tool, &upstream, enabled, role, "agent");
                    let effective = policy.unwrap_or(default);
                    let runs = effective == Permission::AlwaysAllow && enabled && offered && !changed;
                    let refused = effective == Permission::Blocked || !enabled || !offered;
                    match verdict {
                        Verdict::Run(_) => assert!(runs),
                        Verdict::Refuse(_) => assert!(refused),
                        Verdict::Hold(_) => assert!(!runs && !refused),
                    }
                    seen += 1;
                }
            }
        }
        assert_eq!(seen, 96);
    }

    #[test]
    fn a_policy_of_another_role_does_not_count() {
        let upstream = tool(true, false);
        let tool = ToolkitTool {
            id: ToolkitToolId::new(),
            name: "t".into(),
            permission: Permission::NeedsApproval,
            policies: HashMap::from([(RoleId::new(), Permission::AlwaysAllow)]),
            policy: None,
            hold: None,
            schema_listed_until: None,
            tool: upstream.clone(),
        };
        let verdict = gate(&tool, &upstream, true, RoleId::new(), "agent");
        assert_eq!(verdict, Verdict::Hold(Rule::Default(Permission::NeedsApproval)));
    }

    #[test]
    fn the_reason_names_the_role_that_decided() {
        let role = RoleId::new();
        let upstream = tool(true, false);
        let tool = ToolkitTool {
            id: ToolkitToolId::new(),
            name: "t".into(),
            permission: Permission::AlwaysAllow,
            policies: HashMap::from([(role, Permission::Blocked)]),
            policy: None,
            hold: None,
            schema_listed_until: None,
            tool: upstream.clone(),
        };
        let verdict = gate(&tool, &upstream, true, role, "intern");
        assert_eq!(verdict.rule().to_string(), "policy for role intern: blocked");
    }
}
