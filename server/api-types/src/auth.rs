//! Signing in, and who one is.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many characters (Unicode code points) a password may have that is set. Its length is the only rule.
pub const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 12..=200;

/// A log-in.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The person's e-mail; case does not matter.
    #[cfg_attr(feature = "openapi", schema(format = Email, max_length = 254, examples("sam@example.com")))]
    pub email: String,
    /// Their password.
    #[cfg_attr(feature = "openapi", schema(format = Password))]
    pub password: String,
}

/// One's own new password.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    #[cfg_attr(feature = "openapi", schema(format = Password))]
    pub current: String,
    /// The new one: 12 to 200 characters, whatever they are.
    #[cfg_attr(feature = "openapi", schema(format = Password, min_length = 12, max_length = 200))]
    pub new: String,
}

/// What to change about oneself; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    /// One's new name for people: 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::absent::not_null")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_length = 1, max_length = 100, examples("Sam")))]
    pub name: Option<String>,
}

/// A person's settings of the console, the same in every browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Preferences {
    /// The console's colours.
    #[serde(default)]
    pub theme: ThemePreference,
    /// Whether single keys do something: A approves, J goes to the next request.
    #[serde(default = "on")]
    pub shortcuts: bool,
    /// The time zone of times, by its name in the IANA database; `null`: the browser's.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9_+/-]{1,64}$", examples("Europe/Rome")))]
    pub time_zone: Option<String>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { theme: ThemePreference::default(), shortcuts: true, time_zone: None }
    }
}

fn on() -> bool {
    true
}

/// The console's colours: those of the system, or always light or dark ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ThemePreference {
    /// As the system has them.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// What a log-in gives: a bearer token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AccessToken {
    /// Send it as `Authorization: Bearer …`.
    pub access_token: String,
    /// Always `Bearer`.
    #[cfg_attr(feature = "openapi", schema(examples("Bearer")))]
    pub token_type: String,
    /// How long it is valid, in seconds.
    #[cfg_attr(feature = "openapi", schema(examples(3600)))]
    pub expires_in: u64,
}

/// Whose credential a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MyKind {
    /// A person who signed in.
    Person,
    /// An API key.
    ApiKey,
}

/// Who is asking.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// A person or a key.
    pub kind: MyKind,
    /// The person's or the key's id.
    pub id: Uuid,
    /// The person's e-mail or the key's name.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub name: String,
    /// The person's name for people; `null` for a key.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(examples("Sam")))]
    pub display_name: Option<String>,
    /// The e-mail of the person answerable: the person, or the key's owner.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub email: Option<String>,
    /// Administers the instance, and so is `admin` of every org.
    pub instance_admin: bool,
    /// The orgs it belongs to, by slug.
    pub orgs: Vec<MyOrg>,
}

/// One org that one belongs to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MyOrg {
    /// Its id.
    pub id: Uuid,
    /// Its name in URLs.
    #[cfg_attr(feature = "openapi", schema(examples("acme")))]
    pub slug: String,
    /// One's role there.
    #[cfg_attr(feature = "openapi", schema(examples("admin")))]
    pub role: String,
    /// What that role allows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<domain::Right>))]
    pub rights: Vec<String>,
    /// Whether there is nothing but a record: the instance's own org, or one that was deleted. Only administrators of
    /// the instance see it.
    #[serde(default)]
    pub records_only: bool,
}
