//! Inviting people by link.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An invitation that nobody has taken up yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Invitation {
    /// Its id.
    pub id: Uuid,
    /// Who is invited.
    #[cfg_attr(feature = "openapi", schema(examples("kim@example.com")))]
    pub email: String,
    /// The role they will have; `null` once it was deleted, and then the link says so.
    #[cfg_attr(feature = "openapi", schema(examples("approver")))]
    pub role: Option<String>,
    /// The e-mail of who invited them; `null` once that person has left the org.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub invited_by: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when the link works.
    pub expires_at: DateTime<Utc>,
}

/// A person to be invited.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// The person's e-mail; case does not matter. An earlier invitation of theirs to this org ends.
    #[cfg_attr(feature = "openapi", schema(format = Email, max_length = 254, examples("kim@example.com")))]
    pub email: String,
    /// Their role; none that allows more than one's own.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 40, examples("approver")))]
    pub role: String,
}

/// An invitation just made, with its link. Whoever has the link can take it up.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// The link to hand to the person; shown only here. What is secret stands after its `#`, which
    /// browsers do not send to servers.
    #[cfg_attr(feature = "openapi", schema(format = "uri", examples("https://permesso.example.com/invite#…")))]
    pub url: String,
}

impl<'de> Deserialize<'de> for CreatedInvitation {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct More {
            url: String,
        }
        let (invitation, More { url }) = crate::flat::both(from)?;
        Ok(Self { invitation, url })
    }
}

/// Asks what an invitation offers.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ViewInvitation {
    /// What stands after the `#` of the link.
    pub token: String,
}

/// What an invitation offers to who has its link.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OfferedInvitation {
    /// The org's slug.
    #[cfg_attr(feature = "openapi", schema(examples("acme")))]
    pub org: String,
    /// The org's name for people.
    #[cfg_attr(feature = "openapi", schema(examples("Acme")))]
    pub org_name: String,
    /// Who is invited.
    #[cfg_attr(feature = "openapi", schema(examples("kim@example.com")))]
    pub email: String,
    /// The role they will have.
    #[cfg_attr(feature = "openapi", schema(examples("approver")))]
    pub role: String,
    /// Until when the link works.
    pub expires_at: DateTime<Utc>,
    /// Whether the person has a password already: then accepting asks for it, else it sets one.
    pub has_password: bool,
}

/// Takes an invitation up and signs the person in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// What stands after the `#` of the link.
    pub token: String,
    /// The person's password: theirs where they have one, else a new one of 12 to 200 characters.
    #[cfg_attr(feature = "openapi", schema(format = Password, min_length = 12, max_length = 200))]
    pub password: String,
    /// A new person's name; the e-mail's local part unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100, examples("Kim")))]
    pub name: Option<String>,
}
