//! Who may decide, on what view (approvals.md, "Who may decide" and promise 6).

use crate::{ApprovalPolicy, Right, Rights, UserId};

/// A person who wants to decide.
#[derive(Clone, Debug)]
pub struct Decider<'a> {
    /// Who.
    pub user: UserId,
    /// The name of their role in the toolkit's org.
    pub role: &'a str,
    /// What that role allows.
    pub rights: &'a Rights,
}

/// The hashes the person saw when they decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of the arguments shown.
    pub arguments_sha256: [u8; 32],
    /// SHA-256 of the definition shown.
    pub definition_sha256: [u8; 32],
}

/// What makes a request somebody's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(rename_all = "snake_case"))]
pub enum Own {
    /// They ask themselves.
    Caller,
    /// They own the key that asks.
    Owner,
    /// They owned the key before.
    FormerOwner,
    /// They made the key.
    Creator,
    /// They rotated the key.
    Rotator,
}

impl Own {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Caller, Self::Owner, Self::FormerOwner, Self::Creator, Self::Rotator];

    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Owner => "owner",
            Self::FormerOwner => "former_owner",
            Self::Creator => "creator",
            Self::Rotator => "rotator",
        }
    }
}

/// Why a decision is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role lacks the right, or the policy does not name the role.
    #[error("your role may not decide for this tool")]
    NotAnApprover,
    /// The person owns or owned, made or rotated the key that asks, or asks themselves.
    #[error("nobody decides on their own request; another approver has to")]
    OwnRequest,
    /// The arguments or the definition are not the ones that were seen.
    #[error("what you saw is not what would run; look at the request again")]
    StaleView,
}

/// Whether `decider` may decide under `policy`. `own` are the people whose request it is: the
/// key's owners, now and before, its creator and rotators, or the asking person.
///
/// # Errors
/// The first rule that stands against it.
pub fn may_decide(decider: &Decider<'_>, policy: &ApprovalPolicy, own: &[UserId]) -> Result<(), Refusal> {
    let named = policy.approver_roles.iter().any(|role| role == decider.role);
    if !named || !decider.rights.has(Right::DecideApprovals) {
        return Err(Refusal::NotAnApprover);
    }
    if !policy.allow_self_approval && own.contains(&decider.user) {
        return Err(Refusal::OwnRequest);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_needs_a_named_role_the_right_and_somebody_elses_request() {
        let user = UserId::new();
        let with = Rights::from_iter([Right::DecideApprovals]);
        let without = Rights::default();
        for named in [true, false] {
            for right in [true, false] {
                for own in [true, false] {
                    for allowed in [true, false] {
                        let policy = ApprovalPolicy {
                            approver_roles: vec![if named { "approver" } else { "other" }.to_owned()],
                            allow_self_approval: allowed,
                            ..ApprovalPolicy::default()
                        };
                        let rights = if right { &with } else { &without };
                        let decider = Decider { user, role: "approver", rights };
                        let people = if own { vec![user] } else { vec![UserId::new()] };
                        let expected = match (named && right, own && !allowed) {
                            (false, _) => Err(Refusal::NotAnApprover),
                            (true, true) => Err(Refusal::OwnRequest),
                            (true, false) => Ok(()),
                        };
                        assert_eq!(may_decide(&decider, &policy, &people), expected);
                    }
                }
            }
        }
    }
}
