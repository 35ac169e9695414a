//! Who could decide a request, who is barred from it and why, and what of the approval policy says so
//! (docs/approvals.md, "Deciding").

use std::collections::HashSet;

use api_types::{Barred, WhoDecides};
use domain::{
    PolicyOverride, UserId,
    approval::{Decider, Own, Refusal, may_decide},
    directory::{Org, Role},
    right::ADMIN,
};

use super::policy;
use crate::{
    db::approval::Record,
    error::Result,
    service::{Base, access::OrgAccess},
};

/// How many people are named who are barred.
const NAMED: usize = 20;

/// Those who have a say in a request.
pub struct People {
    /// Whether somebody may decide it.
    pub somebody: bool,
    /// What people read of it.
    pub who: WhoDecides,
}

/// Looks at everybody in the org. `own` are those whose request it is.
///
/// # Errors
/// When the directory is too old to be used, or Postgres cannot be reached.
pub async fn who_decides(services: &Base, org: &Org, record: &Record, own: &[(UserId, Own)]) -> Result<People> {
    let policy = policy::policy_in(org, record);
    let theirs = policy::people(own);
    let administrators = services.directory.administrators().await?;
    let (mut somebody, mut barred) = (false, Vec::new());
    for (user, role) in everybody(&administrators, org) {
        let decider = Decider { user, role: &role.name, rights: &role.rights };
        match may_decide(&decider, &policy, &theirs) {
            Ok(()) => somebody = true,
            Err(Refusal::OwnRequest) => barred.push(user),
            Err(_) => {}
        }
    }
    barred.sort_unstable();
    barred.dedup();
    barred.truncate(NAMED);
    let emails = services.directory.emails(barred.iter().copied()).await?;
    let barred = barred.into_iter().map(|user| Barred {
        id: user.0,
        email: emails.of(user).unwrap_or_default(),
        because: reasons(own, user).map(|own| own.as_str().to_owned()).collect(),
    });
    let who = WhoDecides {
        barred: barred.collect(),
        approver_roles: policy.approver_roles,
        approver_roles_of: level(org, record, |policy| policy.approver_roles.is_some()).to_owned(),
        allow_self_approval: policy.allow_self_approval,
        allow_self_approval_of: if services.forbid_self_approval {
            "instance".to_owned()
        } else {
            level(org, record, |policy| policy.allow_self_approval.is_some()).to_owned()
        },
    };
    Ok(People { somebody, who })
}

/// Why the one who asks may not decide. `None`: they may.
pub fn refused(access: &OrgAccess, record: &Record, own: &[(UserId, Own)], people: &People) -> Option<String> {
    let user = match access.actor.person() {
        Ok(user) => user,
        Err(error) => return Some(error.message.to_string()),
    };
    let decider = Decider { user, role: &access.role_name, rights: &access.rights };
    let policy = policy::policy(access, record);
    Some(match may_decide(&decider, &policy, &policy::people(own)).err()? {
        Refusal::OwnRequest => {
            let mine: Vec<_> = reasons(own, user).map(mine).collect();
            let another = if people.somebody { "; another approver has to decide" } else { "" };
            format!("this is your own request, for {}{another}", mine.join(" and "))
        }
        refusal => refusal.to_string(),
    })
}

/// What makes the request this person's own.
fn reasons(own: &[(UserId, Own)], user: UserId) -> impl Iterator<Item = Own> {
    own.iter().filter(move |(person, _)| *person == user).map(|(_, own)| *own)
}

fn mine(own: Own) -> &'static str {
    match own {
        Own::Caller => "you ask it",
        Own::Owner => "you own the key that asks",
        Own::FormerOwner => "you owned the key before",
        Own::Creator => "you made the key that asks",
        Own::Rotator => "you rotated the key that asks",
    }
}

/// Everybody who has a role in the org: its members, and who administers the instance.
fn everybody<'a>(administrators: &'a HashSet<UserId>, org: &'a Org) -> impl Iterator<Item = (UserId, &'a Role)> {
    let admins = administrators.iter().filter_map(|id| Some((*id, org.role_named(ADMIN)?.1)));
    let members = org.members.iter().filter_map(|(id, role)| Some((*id, org.roles.get(role)?)));
    admins.chain(members)
}

/// Whose approval policy sets a field: the tool's, else the toolkit's, else the org's.
fn level(org: &Org, record: &Record, sets: impl Fn(&PolicyOverride) -> bool) -> &'static str {
    let id = record.binding.toolkit_tool;
    let toolkits = org.toolkits.values();
    let found = toolkits.flat_map(|toolkit| toolkit.tools.iter().map(move |tool| (toolkit, tool)));
    match found.into_iter().find(|(_, tool)| tool.id == id) {
        Some((_, tool)) if tool.policy.as_ref().is_some_and(&sets) => "tool",
        Some((toolkit, _)) if toolkit.policy.as_ref().is_some_and(&sets) => "toolkit",
        _ => "org",
    }
}
