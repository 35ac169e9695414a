//! Who decides on a request, who is barred from it, and what of the approval policy says so.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What the approval policy in force says about who decides, and whom it bars.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WhoDecides {
    /// The roles whose people may decide.
    #[cfg_attr(feature = "openapi", schema(max_items = 50, examples(json!(["admin", "approver"]))))]
    pub approver_roles: Vec<String>,
    /// Whose approval policy names these roles: `tool`, `toolkit` or `org`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::PolicyLevel))]
    pub approver_roles_of: String,
    /// Whether those whose request it is may decide it.
    pub allow_self_approval: bool,
    /// Whose approval policy says so: `tool`, `toolkit` or `org`; `instance` where PERMESSO_FORBID_SELF_APPROVAL does.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::words::PolicyLevel))]
    pub allow_self_approval_of: String,
    /// People whose role may decide, and who may not decide this request because it is their own; at most 20.
    #[cfg_attr(feature = "openapi", schema(max_items = 20))]
    pub barred: Vec<Barred>,
}

/// Somebody who may not decide a request because it is their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Barred {
    /// Who.
    pub id: Uuid,
    /// Their e-mail.
    #[cfg_attr(feature = "openapi", schema(examples("sam@example.com")))]
    pub email: String,
    /// What makes it their own request.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<domain::approval::Own>, max_items = 5, examples(json!(["owner", "creator"]))))]
    pub because: Vec<String>,
}

impl WhoDecides {
    /// Why nobody can decide, and where that can be changed, as sentences. `tool` and `toolkit` are the request's.
    pub fn nobody(&self, tool: &str, toolkit: &str) -> String {
        let roles = self.approver_roles.join(", ");
        let policy = |level: &str| match level {
            "tool" => format!("the approval policy of the tool {tool}"),
            "toolkit" => format!("the approval policy of the toolkit {toolkit}"),
            _ => "the approval policy of the org".to_owned(),
        };
        let named = policy(&self.approver_roles_of);
        if self.barred.is_empty() {
            return format!("nobody has a role that decides ({roles}). Give somebody one, or name another in {named}.");
        }
        let people: Vec<_> = self.barred.iter().map(Barred::words).collect();
        let people = people.join("; ");
        let give = format!("Give somebody else a role that decides ({roles})");
        match self.allow_self_approval_of.as_str() {
            "instance" => format!(
                "{people}. Nobody decides on their own request on this instance (PERMESSO_FORBID_SELF_APPROVAL). {give}, or name another role in {named}."
            ),
            level => format!(
                "{people}. Nobody decides on their own request. {give}, or set allow_self_approval in {}.",
                policy(level)
            ),
        }
    }
}

impl Barred {
    /// "sam@example.com owns the key that asks and made it".
    pub fn words(&self) -> String {
        let words: Vec<_> = self.because.iter().map(|own| because(own)).collect();
        format!("{} {}", self.email, words.join(" and "))
    }
}

/// What makes a request somebody's own, after their name.
fn because(own: &str) -> &'static str {
    match own {
        "caller" => "asks it",
        "owner" => "owns the key that asks",
        "former_owner" => "owned the key before",
        "creator" => "made the key that asks",
        "rotator" => "rotated the key that asks",
        // A newer server may know more.
        _ => "is answerable for who asks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(barred: &[(&str, &[&str])], roles_of: &str, self_of: &str) -> WhoDecides {
        let person = |(email, because): &(&str, &[&str])| Barred {
            id: Uuid::nil(),
            email: (*email).to_owned(),
            because: because.iter().map(|own| (*own).to_owned()).collect(),
        };
        WhoDecides {
            approver_roles: vec!["admin".to_owned()],
            approver_roles_of: roles_of.to_owned(),
            allow_self_approval: false,
            allow_self_approval_of: self_of.to_owned(),
            barred: barred.iter().map(person).collect(),
        }
    }

    #[test]
    fn who_is_barred_is_named_with_the_reason_and_with_where_it_can_be_changed() {
        let said =
            who(&[("sam@x", &["owner"]), ("kim@x", &["creator", "rotator"])], "org", "tool").nobody("pay", "bank");
        assert_eq!(
            said,
            "sam@x owns the key that asks; kim@x made the key that asks and rotated the key that asks. Nobody decides on \
             their own request. Give somebody else a role that decides (admin), or set allow_self_approval in the approval \
             policy of the tool pay."
        );
        let said = who(&[("sam@x", &["owner"])], "toolkit", "instance").nobody("pay", "bank");
        assert!(said.contains("PERMESSO_FORBID_SELF_APPROVAL"), "{said}");
        assert!(said.ends_with("in the approval policy of the toolkit bank."), "{said}");
        assert!(!said.contains("allow_self_approval"), "what the instance forbids is not offered: {said}");
    }

    #[test]
    fn a_role_that_nobody_has_is_said_to_be_what_is_missing() {
        let said = who(&[], "org", "org").nobody("pay", "bank");
        assert!(said.starts_with("nobody has a role that decides (admin)"), "{said}");
    }

    #[test]
    fn every_reason_of_the_server_has_words() {
        for own in domain::approval::Own::ALL {
            assert_ne!(because(own.as_str()), because("another"), "{own:?}");
        }
    }
}
