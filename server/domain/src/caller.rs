//! Who is calling: an API key or a person, in one org, with one role.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{ApiKeyId, OrgId, RoleId, UserId, permission::UnknownWord};

/// Who calls: calls are *identical* only when this is the same (approvals.md, "What an approval
/// is bound to"). Rotation keeps a key's id, so it keeps the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Principal {
    /// An API key.
    Key(ApiKeyId),
    /// A person, with a login JWT.
    User(UserId),
}

impl Principal {
    /// `key` or `user`.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::User(_) => "user",
        }
    }

    /// The id without its kind.
    pub fn id(self) -> uuid::Uuid {
        match self {
            Self::Key(id) => id.0,
            Self::User(id) => id.0,
        }
    }

    /// Puts a principal together again from its kind and id.
    ///
    /// # Errors
    /// When the kind is neither `key` nor `user`.
    pub fn from_parts(kind: &str, id: uuid::Uuid) -> Result<Self, UnknownWord> {
        match kind {
            "key" => Ok(Self::Key(ApiKeyId(id))),
            "user" => Ok(Self::User(UserId(id))),
            _ => Err(UnknownWord),
        }
    }
}

/// A caller at one toolkit's endpoint.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who calls.
    pub principal: Principal,
    /// What people call it: the key's name, or the person's e-mail.
    pub name: Arc<str>,
    /// The org the caller belongs to; another than the toolkit's for a guest.
    pub org: OrgId,
    /// The caller's role in the toolkit's org.
    pub role: RoleId,
    /// That role's name.
    pub role_name: Arc<str>,
    /// The person answerable: the key's owner, or the person.
    pub owner: UserId,
    /// How long its calls are held open, where its key says so; else its client's name does.
    pub hold: Option<Duration>,
}
