//! Whether a change of what toolkits expose lets a role do more than before, and what that means for API keys
//! (docs/api.md, "What an API key may change"). A key that could loosen what it may do itself would open its own gate.
//!
//! For a key, three rules say what loosens:
//!
//! 1. Under a name that exists, a permission that is looser for some role ([`changes`]).
//! 2. Under a new name, a permission that is looser than the tool's strictest other one for that role ([`adds`]): a tool
//!    that is blocked or held stays so under every name.
//! 3. Anything that ends what stands under a name, for every role: removing it, putting another tool there. Whatever was
//!    said of the tool would be gone, and it, or something else, could be added anew.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{Permission, RoleId, ToolId, permission::UnknownWord};

/// What API keys with the right to change permissions may loosen in an org. Approval policies, roles, people, the
/// review of definitions and trust in them are never theirs.
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
    /// Whether its toolkit is public: callers from outside have the role `guest` there, and nothing elsewhere.
    pub public: bool,
}

impl Exposed {
    /// What the role may do: its own policy, else the default.
    pub fn permission_for(&self, role: RoleId) -> Permission {
        self.policies.get(&role).copied().unwrap_or(self.permission)
    }
}

/// What a tool counts as that stands nowhere yet: a key may add one that needs approval, since a person decides on each
/// of its calls.
const NEW: Permission = Permission::NeedsApproval;

/// Whether the role may do more after a change of what stands under a name. `after` is `None` where it is removed.
pub fn changes(before: &Exposed, after: Option<&Exposed>, role: RoleId) -> bool {
    let same = after.filter(|after| after.tool == before.tool);
    same.is_none_or(|after| after.permission_for(role).is_looser_than(before.permission_for(role)))
}

/// Whether the role may do more when `new` stands under a new name beside the tool's `other` ones. `guest`: it is the
/// role that callers from outside have; what is public nowhere is blocked for them.
pub fn adds(other: &[&Exposed], new: &Exposed, role: RoleId, guest: bool) -> bool {
    let unseen = guest && new.public && !other.iter().any(|other| other.public);
    let mut permissions = other.iter().map(|other| other.permission_for(role));
    let before = match permissions.next() {
        _ if unseen => Permission::Blocked,
        None => NEW,
        Some(first) => permissions.fold(first, |strict, next| if strict.is_looser_than(next) { next } else { strict }),
    };
    new.permission_for(role).is_looser_than(before)
}

/// Whether somebody with the role `role` could do more here than with the role `than`.
pub fn is_looser(exposed: &Exposed, role: RoleId, than: RoleId) -> bool {
    exposed.permission_for(role).is_looser_than(exposed.permission_for(than))
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
                states.push(Exposed { tool, permission, policies, public: false });
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
                assert_eq!(changes(&before, Some(&after), other), more(after.permission, before.permission));
                let of = |state: &Exposed| state.policies.get(&named).copied().unwrap_or(state.permission);
                assert_eq!(changes(&before, Some(&after), named), more(of(&after), of(&before)));
            }
        }
    }

    fn with(tool: ToolId, permission: Permission, policies: &[(RoleId, Permission)]) -> Exposed {
        Exposed { tool, permission, policies: policies.iter().copied().collect(), public: false }
    }

    #[test]
    fn a_policy_that_is_deleted_counts_as_the_default() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        let of = |policies: &[(RoleId, Permission)]| with(tool, Permission::AlwaysAllow, policies);
        assert!(changes(&of(&[(role, Permission::Blocked)]), Some(&of(&[])), role));
        assert!(!changes(&of(&[(role, Permission::AlwaysAllow)]), Some(&of(&[])), role));
    }

    #[test]
    fn to_remove_a_tool_or_to_put_another_one_there_loosens_whatever_was_permitted() {
        let role = RoleId::new();
        for before in states(ToolId::new(), role) {
            assert!(changes(&before, None, role));
            for after in states(ToolId::new(), role) {
                assert!(changes(&before, Some(&after), role));
            }
        }
    }

    /// Whatever somebody does who may not loosen: under further names a tool is nowhere looser than where it is strictest.
    #[test]
    fn a_further_name_loosens_unless_it_is_as_strict_as_the_strictest_other() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        for first in states(tool, role) {
            for second in states(tool, role) {
                for new in states(tool, role) {
                    let than = |other: &Exposed| new.permission_for(role).is_looser_than(other.permission_for(role));
                    assert_eq!(adds(&[&first, &second], &new, role, false), than(&first) || than(&second));
                }
            }
        }
    }

    #[test]
    fn a_tool_that_stands_nowhere_yet_may_be_added_when_a_person_decides_on_each_call() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        for permission in ALL {
            let loosens = adds(&[], &with(tool, permission, &[]), role, false);
            assert_eq!(loosens, permission == Permission::AlwaysAllow, "{permission}");
        }
    }

    #[test]
    fn what_is_public_nowhere_is_blocked_for_callers_from_outside() {
        let (tool, role) = (ToolId::new(), RoleId::new());
        let private = with(tool, Permission::NeedsApproval, &[]);
        let public = Exposed { public: true, ..private.clone() };
        assert!(adds(&[], &public, role, true));
        assert!(adds(&[&private], &public, role, true), "a private toolkit is nothing to them");
        assert!(!adds(&[&private], &public, role, false), "members know it");
        assert!(!adds(&[&private, &public], &public, role, true), "they may call it already");
        assert!(!adds(&[&private], &private, role, true), "nor is another private one");
        let blocked = Exposed { permission: Permission::Blocked, ..public.clone() };
        assert!(!adds(&[], &blocked, role, true));
        assert!(adds(&[&public, &blocked], &public, role, true), "blocked somewhere is blocked everywhere");
    }

    #[test]
    fn a_role_is_looser_than_another_where_it_may_do_more() {
        let (tool, role, mine) = (ToolId::new(), RoleId::new(), RoleId::new());
        for permission in ALL {
            for own in ALL {
                let exposed = with(tool, Permission::Blocked, &[(role, permission), (mine, own)]);
                assert_eq!(is_looser(&exposed, role, mine), permission.is_looser_than(own));
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
