//! Whether a change of what a toolkit exposes lets a role do more than before, and what that means for API keys
//! (docs/api.md, "What an API key may change"). A key that could loosen what it may do itself would open its own gate.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Permission, RoleId, ToolId, permission::UnknownWord};

/// What API keys with the right to change permissions may loosen in an org. Approval policies, roles, people and the
/// review of definitions are never theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyAdministration {
    /// Nothing: keys only tighten.
    #[default]
    None,
    /// Permissions in toolkits, for roles that neither the key's owner nor any key of that owner has.
    Toolkits,
}

impl KeyAdministration {
    /// The word in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Toolkits => "toolkits",
        }
    }
}

impl std::str::FromStr for KeyAdministration {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "none" => Ok(Self::None),
            "toolkits" => Ok(Self::Toolkits),
            _ => Err(UnknownWord),
        }
    }
}

/// What stands under one name of a toolkit, as far as it says who may do what. What else comes to say so (rules,
/// hints, scopes) belongs in here, so that no change of it is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// What stands behind the name.
    pub tool: ToolId,
    /// The permission where no role policy says otherwise.
    pub permission: Permission,
    /// Permissions by role.
    pub policies: HashMap<RoleId, Permission>,
}

impl Exposed {
    /// What the role may do: its own policy, else the default.
    pub fn permission_for(&self, role: RoleId) -> Permission {
        self.policies.get(&role).copied().unwrap_or(self.permission)
    }
}

/// What a name counts as under which nothing stands: a key may add a tool that needs approval, since a person decides
/// on each of its calls. So taking away what was blocked, to add it again, is as much as unblocking it.
const ABSENT: Permission = Permission::NeedsApproval;

/// Whether the role may do more after a change than before it. `None`: nothing stands under the name. Another tool
/// behind the name is more for each role that may call it, since nobody gave the permission for that tool.
pub fn loosens(before: Option<&Exposed>, after: Option<&Exposed>, role: RoleId) -> bool {
    let permission = |exposed: Option<&Exposed>| exposed.map_or(ABSENT, |exposed| exposed.permission_for(role));
    let replaced = matches!((before, after), (Some(before), Some(after)) if before.tool != after.tool);
    permission(after).is_looser_than(permission(before)) || (replaced && permission(after) != Permission::Blocked)
}

/// Whether somebody with the roles `own` could do more here with `role` beside them.
pub fn adds(exposed: &Exposed, role: RoleId, own: &[RoleId]) -> bool {
    own.iter().all(|own| exposed.permission_for(role).is_looser_than(exposed.permission_for(*own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Permission; 3] = [Permission::Blocked, Permission::NeedsApproval, Permission::AlwaysAllow];

    fn states(tool: ToolId, role: RoleId) -> Vec<Exposed> {
        let mut states = Vec::new();
        for permission in ALL {
            for policy in ALL.map(Some).into_iter().chain([None]) {
                let policies = policy.map(|policy| (role, policy)).into_iter().collect();
                states.push(Exposed { tool, permission, policies });
            }
        }
        states
    }

    #[test]
    fn permissions_stand_in_one_order() {
        for (place, permission) in ALL.into_iter().enumerate() {
            for (other_place, other) in ALL.into_iter().enumerate() {
                assert_eq!(permission.is_looser_than(other), place > other_place, "{permission} {other}");
            }
        }
    }

    /// Every state of a tool to every other, for a role with and one without a policy of its own.
    #[test]
    fn a_change_loosens_for_those_who_may_do_more_and_for_nobody_else() {
        let (tool, named, other) = (ToolId::new(), RoleId::new(), RoleId::new());
        for before in states(tool, named) {
            for after in states(tool, named) {
                let more = |a: Permission, b: Permission| a.is_looser_than(b);
                assert_eq!(loosens(Some(&before), Some(&after), other), more(after.permission, before.permission));
                let of = |state: &Exposed| state.policies.get(&named).copied().unwrap_or(state.permission);
                assert_eq!(loosens(Some(&before), Some(&after), named), more(of(&after), of(&before)));
            }
        }
    }

    #[test]
    fn a_policy_that_is_deleted_counts_as_the_default() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        let with =
            |policy| Exposed { tool, permission: Permission::AlwaysAllow, policies: HashMap::from([(role, policy)]) };
        let without = Exposed { tool, permission: Permission::AlwaysAllow, policies: HashMap::new() };
        assert!(loosens(Some(&with(Permission::Blocked)), Some(&without), role));
        assert!(!loosens(Some(&with(Permission::AlwaysAllow)), Some(&without), role));
    }

    /// Whatever somebody does who may not loosen: the way round, over nothing, leads nowhere else.
    #[test]
    fn to_take_away_and_to_add_again_loosens_where_the_change_at_once_does() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        for before in states(tool, role) {
            for after in states(tool, role) {
                let at_once = loosens(Some(&before), Some(&after), role);
                let round = loosens(Some(&before), None, role) || loosens(None, Some(&after), role);
                assert!(round || !at_once, "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn another_tool_under_a_name_is_more_for_all_who_may_call_it() {
        let role = RoleId::new();
        for before in states(ToolId::new(), role) {
            for after in states(ToolId::new(), role) {
                let callable = after.permission_for(role) != Permission::Blocked;
                assert_eq!(loosens(Some(&before), Some(&after), role), callable);
            }
        }
    }

    #[test]
    fn a_role_adds_something_only_where_it_is_looser_than_each_other_one() {
        let (tool, role, mine) = (ToolId::new(), RoleId::new(), RoleId::new());
        for permission in ALL {
            for own in ALL {
                let policies = HashMap::from([(role, permission), (mine, own)]);
                let exposed = Exposed { tool, permission: Permission::Blocked, policies };
                assert_eq!(adds(&exposed, role, &[mine]), permission.is_looser_than(own));
                assert!(!adds(&exposed, role, &[mine, role]), "nothing is added by what one has");
            }
        }
    }

    #[test]
    fn every_word_is_read_back() {
        for word in [KeyAdministration::None, KeyAdministration::Toolkits] {
            assert_eq!(word.as_str().parse(), Ok(word));
        }
        assert!("all".parse::<KeyAdministration>().is_err());
    }
}
