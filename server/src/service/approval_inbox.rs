//! Which requests wait for a decision that somebody may make (approvals.md, "Who may decide"), as a
//! filter, so that lists of them have whole pages.

use domain::approval::{Decider, may_decide};

use super::access::OrgAccess;
use crate::db::approval::Mine;

/// The filter for the one who asks. `None`: they may decide nothing, as a key never may.
pub fn mine(access: &OrgAccess) -> Option<Mine> {
    let user = access.actor.person().ok()?;
    let decider = Decider { user, role: &access.role_name, rights: &access.rights };
    let may = |policy: &domain::ApprovalPolicy| {
        (may_decide(&decider, policy, &[]).is_ok(), may_decide(&decider, policy, &[user]).is_ok())
    };
    let (else_others, else_own) = may(&access.org.policy);
    let mut mine = Mine { person: user, tools: vec![], others: vec![], own: vec![], else_others, else_own };
    for toolkit in access.org.toolkits.values() {
        for tool in &toolkit.tools {
            let (others, own) = may(&tool.approval_policy(toolkit, &access.org));
            mine.tools.push(tool.id.0);
            mine.others.push(others);
            mine.own.push(own);
        }
    }
    Some(mine)
}
