//! What somebody may decide (approvals.md, "Who may decide"): said once, for each row of a list or an event, for the
//! filter that leaves whole pages, and for the number on a badge.

use std::collections::HashMap;

use api_types::ApprovalsSummary;
use domain::{
    ApprovalPolicy, ToolkitToolId, UserId,
    approval::{Decider, Own, may_decide},
};
use uuid::Uuid;

use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Mine, own},
    },
    error::Result,
    service::{Base, access::OrgAccess},
};

/// What one approval policy lets somebody decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Verdict {
    /// Requests of others.
    others: bool,
    /// Their own requests.
    own: bool,
}

/// What somebody may decide, by their role and the approval policies in force. By default nothing, as a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deciding {
    person: Option<UserId>,
    /// For tools for which it is not as for the org.
    exceptions: HashMap<ToolkitToolId, Verdict>,
    /// For every other tool, one that is gone included.
    otherwise: Verdict,
}

impl Deciding {
    /// What the actor may decide in the org.
    pub fn of(access: &OrgAccess) -> Self {
        let Ok(user) = access.actor.person() else { return Self::default() };
        let decider = Decider { user, role: &access.role_name, rights: &access.rights };
        let verdict = |policy: &ApprovalPolicy| Verdict {
            others: may_decide(&decider, policy, &[]).is_ok(),
            own: may_decide(&decider, policy, &[user]).is_ok(),
        };
        let otherwise = verdict(&access.org.policy);
        let mut exceptions = HashMap::new();
        for toolkit in access.org.toolkits.values() {
            // Most tools inherit everything.
            for tool in toolkit.tools.iter().filter(|tool| toolkit.policy.is_some() || tool.policy.is_some()) {
                let verdict = verdict(&tool.approval_policy(toolkit, &access.org));
                if verdict != otherwise {
                    exceptions.insert(tool.id, verdict);
                }
            }
        }
        Self { person: Some(user), exceptions, otherwise }
    }

    /// Whether they may decide a request of this tool that is these people's.
    pub fn may(&self, tool: ToolkitToolId, people: &[(UserId, Own)]) -> bool {
        self.may_as(tool, self.person.is_some_and(|person| people.iter().any(|(theirs, _)| *theirs == person)))
    }

    fn may_as(&self, tool: ToolkitToolId, own: bool) -> bool {
        let verdict = self.exceptions.get(&tool).unwrap_or(&self.otherwise);
        if own { verdict.own } else { verdict.others }
    }

    /// The same as a filter. `None`: they may decide nothing at all.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub async fn filter(&self, scope: &mut OrgScope) -> Result<Option<Mine>> {
        let Some(person) = self.person else { return Ok(None) };
        let mut mine = Mine {
            person,
            keys: own_keys(scope, person).await?,
            tools: vec![],
            others: vec![],
            own: vec![],
            else_others: self.otherwise.others,
            else_own: self.otherwise.own,
        };
        for (tool, verdict) in &self.exceptions {
            mine.tools.push(tool.0);
            mine.others.push(verdict.others);
            mine.own.push(verdict.own);
        }
        Ok(Some(mine))
    }
}

/// The keys that are this person's, of those whose requests wait.
async fn own_keys(scope: &mut OrgScope, person: UserId) -> Result<Vec<Uuid>> {
    let keys = own::waiting_keys(scope).await?;
    Ok(keys
        .into_iter()
        .filter(|(_, key)| key.people.iter().any(|(theirs, _)| *theirs == person))
        .map(|(id, _)| id)
        .collect())
}

/// How many requests wait for a decision, and how many of them the actor may decide.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn summary(services: &Base, access: &OrgAccess) -> Result<ApprovalsSummary> {
    let deciding = Deciding::of(access);
    // Keys of other orgs ask too, and whose they are counts.
    let mut scope = OrgScope::system(&services.db.people, access.org.id, Reason::Callers).await?;
    let keys = match deciding.person {
        Some(person) => own_keys(&mut scope, person).await?,
        None => Vec::new(),
    };
    let waiting = db::approval::waiting(&mut scope, deciding.person, &keys).await?;
    let mine = waiting.iter().filter(|some| deciding.may_as(some.tool, some.own));
    Ok(ApprovalsSummary {
        waiting: waiting.iter().map(|some| some.count).sum(),
        mine: mine.map(|some| some.count).sum(),
        oldest_at: waiting.iter().map(|some| some.oldest_at).min(),
    })
}
