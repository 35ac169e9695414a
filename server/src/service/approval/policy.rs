//! What decides who may decide on a request: the policy in force for its tool, and whose request it is (approvals.md, "Who
//! may decide").

use domain::{ApprovalPolicy, UserId, approval::Own, directory::Org};

use crate::{
    db::{self, OrgScope, approval::Record},
    error::Result,
    service::{Base, access::OrgAccess},
};

/// The people whose request it is.
pub(super) fn people(own: &[(UserId, Own)]) -> Vec<UserId> {
    own.iter().map(|(person, _)| *person).collect()
}

/// The policy in force for the tool: the org's where the tool is gone.
pub(super) fn policy(access: &OrgAccess, record: &Record) -> ApprovalPolicy {
    policy_in(&access.org, record)
}

/// The same, where the org alone is known.
pub(in crate::service) fn policy_in(org: &Org, record: &Record) -> ApprovalPolicy {
    let toolkits = org.toolkits.values();
    let found = toolkits.flat_map(|toolkit| toolkit.tools.iter().map(move |tool| (toolkit, tool)));
    let found = found.into_iter().find(|(_, tool)| tool.id == record.binding.toolkit_tool);
    found.map_or_else(|| org.policy.clone(), |(toolkit, tool)| tool.approval_policy(toolkit, org))
}

/// The same, as the transaction sees it: the org in `access` is as old as the request.
pub(super) async fn policy_now(services: &Base, scope: &mut OrgScope, record: &Record) -> Result<ApprovalPolicy> {
    let policy = db::approval::policy(scope, record.binding.toolkit_tool).await?;
    let allow_self_approval = policy.allow_self_approval && !services.forbid_self_approval;
    Ok(ApprovalPolicy { allow_self_approval, ..policy })
}
