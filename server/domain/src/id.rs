//! Newtyped identifiers: an `OrgId` can never be passed where a `UserId` is meant. All are UUIDv7,
//! so they sort by the time they were made.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, ordered by the time it was made (UUIDv7, RFC 9562).
            #[allow(clippy::new_without_default, reason = "a default id would hide that each is new")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

impl OrgId {
    /// The system org, which every database has (migrations/0019): it holds the record of what belongs to the instance and
    /// to no other org.
    pub const INSTANCE: Self = Self(Uuid::from_u128(0x7000_8000_0000_0000_0001));
}

ids! {
    /// A tenant.
    OrgId,
    /// A person.
    UserId,
    /// A role of one org.
    RoleId,
    /// A person's membership in one org.
    MemberId,
    /// An invitation that nobody has taken up yet.
    InvitationId,
    /// A console session, by its public name; says nothing about the cookie.
    SessionId,
    /// An API key; rotation keeps it.
    ApiKeyId,
    /// How one upstream is reached.
    ConnectionId,
    /// What a connection offers.
    ToolId,
    /// A named set of tools served at one endpoint.
    ToolkitId,
    /// A tool as one toolkit exposes it; renaming keeps it.
    ToolkitToolId,
    /// One request for one exact call.
    ApprovalId,
    /// One audit record: an intent and its outcome.
    AuditId,
}
