//! What an approval is bound to, and what undoes it (approvals.md, "What an approval is bound to").

use serde::{Deserialize, Serialize};

use crate::{ConnectionId, Permission, Principal, RoleId, ToolkitToolId, UserId};

/// What was true when the call was held, stored with the approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Who asked.
    pub caller: Principal,
    /// The caller's role then.
    pub role: RoleId,
    /// The person answerable for the caller then.
    pub owner: UserId,
    /// The toolkit tool, by id: a renamed tool is the same.
    pub toolkit_tool: ToolkitToolId,
    /// SHA-256 of the canonical arguments.
    pub arguments_sha256: [u8; 32],
    /// SHA-256 of the tool's definition.
    pub definition_sha256: [u8; 32],
    /// The connection.
    pub connection: ConnectionId,
    /// Its configuration version.
    pub connection_version: i64,
}

/// What is true now, read from locked rows. `None` stands for something that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The caller's role, if the caller is still valid.
    pub caller: Option<CurrentCaller>,
    /// The toolkit tool, if it still exists.
    pub tool: Option<CurrentTool>,
    /// Whether the one who approved it may still decide. `None`: nobody has approved it.
    pub decider: Option<bool>,
}

/// The caller as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentCaller {
    /// Its role.
    pub role: RoleId,
    /// The person answerable for it.
    pub owner: UserId,
}

/// The tool as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentTool {
    /// Its name at the upstream: what is dispatched.
    pub name: String,
    /// SHA-256 of the definition last seen.
    pub definition_sha256: [u8; 32],
    /// Whether the upstream still offers it.
    pub offered: bool,
    /// The connection.
    pub connection: ConnectionId,
    /// Its configuration version.
    pub connection_version: i64,
    /// Whether the connection may be used.
    pub connection_enabled: bool,
    /// The permission of the caller's role now.
    pub permission: Permission,
}

/// What changed since the request and so undid it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The key was revoked or has expired, or the person left.
    Caller,
    /// The caller has another role.
    Role,
    /// The caller has another owner.
    Owner,
    /// The tool was taken out of the toolkit, or the upstream no longer offers it.
    Tool,
    /// The upstream changed the tool's definition.
    Definition,
    /// The connection was reconfigured or replaced.
    Connection,
    /// The connection was switched off.
    ConnectionDisabled,
    /// The tool was blocked for the caller.
    Permission,
    /// Whoever approved it may not decide any more.
    Decider,
}

impl Change {
    /// Every kind of change.
    pub const ALL: [Self; 9] = [
        Self::Caller,
        Self::Role,
        Self::Owner,
        Self::Tool,
        Self::Definition,
        Self::Connection,
        Self::ConnectionDisabled,
        Self::Permission,
        Self::Decider,
    ];

    /// The word used in the API and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Role => "role",
            Self::Owner => "owner",
            Self::Tool => "tool",
            Self::Definition => "definition",
            Self::Connection => "connection",
            Self::ConnectionDisabled => "connection_disabled",
            Self::Permission => "permission",
            Self::Decider => "decider",
        }
    }

    /// The nearest word that versions of the gateway before this one know.
    pub fn known_before(self) -> Self {
        match self {
            Self::Decider => Self::Permission,
            known => known,
        }
    }

    /// What is said to people and agents.
    pub fn message(self) -> &'static str {
        match self {
            Self::Caller => "the caller's credential is no longer valid",
            Self::Role => "the caller's role changed since the request",
            Self::Owner => "the caller's owner changed since the request",
            Self::Tool => "the tool was taken out of the toolkit or is no longer offered",
            Self::Definition => "the tool's definition changed since the request",
            Self::Connection => "the connection was reconfigured since the request",
            Self::ConnectionDisabled => "the connection was switched off",
            Self::Permission => "the tool was blocked for this caller since the request",
            Self::Decider => "the person who approved it may not decide here any more",
        }
    }
}

impl std::str::FromStr for Change {
    type Err = crate::permission::UnknownWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|change| change.as_str() == text).ok_or(crate::permission::UnknownWord)
    }
}

impl Binding {
    /// The first thing that is no longer as it was, if any. Checked at decision and at dispatch.
    pub fn change(&self, now: &Current) -> Option<Change> {
        let Some(caller) = &now.caller else { return Some(Change::Caller) };
        let Some(tool) = &now.tool else { return Some(Change::Tool) };
        let checks = [
            (caller.role != self.role, Change::Role),
            (caller.owner != self.owner, Change::Owner),
            (tool.connection != self.connection, Change::Connection),
            (tool.connection_version != self.connection_version, Change::Connection),
            (!tool.connection_enabled, Change::ConnectionDisabled),
            (!tool.offered, Change::Tool),
            (tool.definition_sha256 != self.definition_sha256, Change::Definition),
            (tool.permission == Permission::Blocked, Change::Permission),
            (now.decider == Some(false), Change::Decider),
        ];
        checks.into_iter().find_map(|(changed, what)| changed.then_some(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiKeyId;

    fn unchanged() -> (Binding, Current) {
        let binding = Binding {
            caller: Principal::Key(ApiKeyId::new()),
            role: RoleId::new(),
            owner: UserId::new(),
            toolkit_tool: ToolkitToolId::new(),
            arguments_sha256: [1; 32],
            definition_sha256: [2; 32],
            connection: ConnectionId::new(),
            connection_version: 1,
        };
        let current = Current {
            caller: Some(CurrentCaller { role: binding.role, owner: binding.owner }),
            tool: Some(CurrentTool {
                name: "t".into(),
                definition_sha256: binding.definition_sha256,
                offered: true,
                connection: binding.connection,
                connection_version: 1,
                connection_enabled: true,
                permission: Permission::NeedsApproval,
            }),
            decider: None,
        };
        (binding, current)
    }

    #[test]
    fn nothing_changed_is_no_change_even_when_the_tool_is_now_allowed() {
        let (binding, mut current) = unchanged();
        assert_eq!(binding.change(&current), None);
        if let Some(tool) = &mut current.tool {
            tool.permission = Permission::AlwaysAllow;
        }
        assert_eq!(binding.change(&current), None);
    }

    type Alter = fn(&mut CurrentCaller, &mut CurrentTool);

    #[test]
    fn each_thing_it_is_bound_to_undoes_it_with_its_own_message() {
        let alterations: [(Alter, Change); 8] = [
            (|c, _| c.role = RoleId::new(), Change::Role),
            (|c, _| c.owner = UserId::new(), Change::Owner),
            (|_, t| t.connection = ConnectionId::new(), Change::Connection),
            (|_, t| t.connection_version = 2, Change::Connection),
            (|_, t| t.connection_enabled = false, Change::ConnectionDisabled),
            (|_, t| t.offered = false, Change::Tool),
            (|_, t| t.definition_sha256 = [3; 32], Change::Definition),
            (|_, t| t.permission = Permission::Blocked, Change::Permission),
        ];
        for (alter, expected) in alterations {
            let (binding, mut current) = unchanged();
            if let (Some(caller), Some(tool)) = (&mut current.caller, &mut current.tool) {
                alter(caller, tool);
            }
            assert_eq!(binding.change(&current), Some(expected));
        }
        let (binding, current) = unchanged();
        assert_eq!(binding.change(&Current { decider: Some(true), ..current.clone() }), None);
        assert_eq!(binding.change(&Current { decider: Some(false), ..current.clone() }), Some(Change::Decider));
        assert_eq!(binding.change(&Current { caller: None, ..current.clone() }), Some(Change::Caller));
        assert_eq!(binding.change(&Current { tool: None, ..current }), Some(Change::Tool));
    }

    #[test]
    fn messages_and_words_differ_from_each_other() {
        for (i, a) in Change::ALL.into_iter().enumerate() {
            assert_eq!(a.as_str().parse(), Ok(a));
            for b in Change::ALL.into_iter().skip(i + 1) {
                assert_ne!(a.message(), b.message());
            }
        }
    }
}
