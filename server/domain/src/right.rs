//! What a role may do, as words that roles carry and handlers ask for.

use serde::{Deserialize, Serialize};

use crate::permission::UnknownWord;

macro_rules! rights {
    ($(#[doc = $doc:literal] $variant:ident = $word:literal),+ $(,)?) => {
        /// One thing a role allows in its org.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Right {
            $(#[doc = $doc] #[serde(rename = $word)] $variant),+
        }

        impl Right {
            /// Every right there is, in the order they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word used in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// What it allows, in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc.trim_ascii()),+ }
            }
        }
    };
}

rights! {
    /// Call tools through toolkits.
    CallTools = "tools:call",
    /// See approvals, their arguments included.
    ReadApprovals = "approvals:read",
    /// Decide and settle approvals, where the approval policy names the role.
    DecideApprovals = "approvals:decide",
    /// See audit records without bodies.
    ReadAudit = "audit:read",
    /// See requests and responses in audit records.
    ReadAuditBodies = "audit:bodies",
    /// See toolkits, their tools and permissions.
    ReadToolkits = "toolkits:read",
    /// Change toolkits, their tools and permissions.
    WriteToolkits = "toolkits:write",
    /// See connections, the tools they offer and their logs.
    ReadConnections = "connections:read",
    /// Change connections and review changed definitions.
    WriteConnections = "connections:write",
    /// See API keys (never the keys themselves).
    ReadKeys = "keys:read",
    /// Create, change, rotate and revoke API keys.
    WriteKeys = "keys:write",
    /// See members and roles.
    ReadMembers = "members:read",
    /// Change members and roles.
    WriteMembers = "members:write",
    /// Change the org itself and its approval policy.
    WriteOrg = "org:write",
}

// By hand: the words come through a macro, where the derive does not see them.
#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Right {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        let rights = Self::ALL.iter().map(|right| format!("\n- `{right}`: {}", right.description()));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!("One thing a role allows in its org.\n{}", rights.collect::<String>())))
            .enum_values(Some(Self::ALL.iter().map(|right| right.as_str())))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Right {}

impl std::fmt::Display for Right {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Right {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.iter().copied().find(|right| right.as_str() == text).ok_or(UnknownWord)
    }
}

/// A set of rights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(Vec<Right>);

impl Rights {
    /// Every right.
    pub fn all() -> Self {
        Self(Right::ALL.to_vec())
    }

    /// Whether the set holds `right`.
    pub fn has(&self, right: Right) -> bool {
        self.0.contains(&right)
    }

    /// Whether every right of `other` is in this set too: nobody hands out more than they have.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|right| self.has(*right))
    }

    /// What a key with this role may do whose owner may do `owner`: no more than its owner, except that it calls tools by
    /// its own role. Approvers and auditors own agents.
    pub fn of_key(&self, owner: &Self) -> Self {
        self.iter().filter(|right| *right == Right::CallTools || owner.has(*right)).collect()
    }

    /// The rights of this set that `other` does not have.
    pub fn without(&self, other: &Self) -> Self {
        self.iter().filter(|right| !other.has(*right)).collect()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rights, in the order of [`Right::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = Right> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        let mut rights: Vec<Right> = rights.into_iter().collect();
        rights.sort_unstable();
        rights.dedup();
        Self(rights)
    }
}

/// The roles that every new org has (api.md, "Roles and rights"), with their rights.
pub fn builtin_roles() -> [(&'static str, Rights); 6] {
    use Right::*;
    [
        (ADMIN, Rights::all()),
        ("approver", Rights::from_iter([ReadApprovals, DecideApprovals, ReadToolkits, ReadAudit])),
        (
            "auditor",
            Rights::from_iter([
                ReadApprovals,
                ReadAudit,
                ReadAuditBodies,
                ReadToolkits,
                ReadConnections,
                ReadKeys,
                ReadMembers,
            ]),
        ),
        ("member", Rights::from_iter([CallTools, ReadToolkits])),
        (AGENT, Rights::from_iter([CallTools])),
        (GUEST, Rights::from_iter([CallTools])),
    ]
}

/// The role that may do everything and cannot be changed.
pub const ADMIN: &str = "admin";
/// The role of API keys that only call tools.
pub const AGENT: &str = "agent";
/// The role of callers from outside in a public toolkit.
pub const GUEST: &str = "guest";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_is_read_back_from_its_word() {
        for right in Right::ALL {
            assert_eq!(right.as_str().parse(), Ok(*right));
        }
        assert!("tools".parse::<Right>().is_err());
    }

    #[test]
    fn agents_and_guests_may_call_tools_and_nothing_else() {
        for (name, rights) in builtin_roles() {
            if name == AGENT || name == GUEST {
                assert_eq!(rights.iter().collect::<Vec<_>>(), [Right::CallTools]);
            }
        }
    }

    #[test]
    fn a_key_may_do_no_more_than_its_owner_but_calls_tools_by_its_role() {
        let role = Rights::from_iter([Right::CallTools, Right::WriteKeys, Right::ReadKeys]);
        let auditor = Rights::from_iter([Right::ReadKeys, Right::ReadAudit]);
        assert_eq!(role.of_key(&auditor), Rights::from_iter([Right::CallTools, Right::ReadKeys]));
        assert_eq!(auditor.of_key(&Rights::all()), auditor, "a key gains nothing from its owner");
        assert_eq!(role.without(&auditor), Rights::from_iter([Right::CallTools, Right::WriteKeys]));
    }

    #[test]
    fn only_a_superset_covers() {
        let some = Rights::from_iter([Right::CallTools, Right::ReadAudit]);
        assert!(Rights::all().covers(&some));
        assert!(!some.covers(&Rights::all()));
        assert!(some.covers(&Rights::default()));
    }
}
