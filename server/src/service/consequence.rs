//! What a change of somebody's rights stops or narrows elsewhere: keys that may do no more than their owners, and approval
//! policies under which nobody could decide any more. It is said, and done only with consent.

use api_types::Affected;
use domain::{Rights, UserId};

use super::Base;
use crate::{
    db::{self, OrgScope, decider::Policy, key_people::Of},
    error::{Error, MOST_AFFECTED, Result},
};

/// One thing that is affected.
fn affected(kind: &str, name: impl Into<String>, effect: impl Into<String>) -> Affected {
    Affected { kind: kind.to_owned(), name: name.into(), effect: effect.into() }
}

/// The keys that can do less when their owners' rights change from `before` to `after`.
///
/// # Errors
/// When Postgres cannot be reached.
pub(super) async fn narrowed_keys(
    scope: &mut OrgScope,
    services: &Base,
    of: Of,
    before: &Rights,
    after: &Rights,
) -> Result<Vec<Affected>> {
    if after.covers(before) {
        return Ok(Vec::new());
    }
    let keys = db::key_people::working(scope, of, &before.without(after), services.clock.now()).await?;
    let lost = keys.into_iter().filter_map(|key| {
        let lost = key.rights.of_key(before).without(&key.rights.of_key(after));
        let words: Vec<_> = lost.iter().map(|right| right.as_str()).collect();
        (!lost.is_empty()).then(|| affected("api_key", key.name, format!("can no longer: {}", words.join(", "))))
    });
    Ok(lost.collect())
}

/// The keys that end when this person leaves the org: their own, and the secrets they have seen of others' keys.
///
/// # Errors
/// When Postgres cannot be reached.
pub(super) async fn ending_keys(scope: &mut OrgScope, services: &Base, person: UserId) -> Result<Vec<Affected>> {
    let now = services.clock.now();
    let owned = db::key_people::owned(scope, person, now).await?;
    let seen = db::key_people::seen(scope, person, now).await?;
    let owned = owned.into_iter().map(|name| affected("api_key", name, "is revoked"));
    let seen = seen.into_iter().map(|name| {
        affected("api_key", name, "loses the secrets that this person made; rotate it for its owner to go on")
    });
    Ok(owned.chain(seen).collect())
}

/// The approval policies under which nobody could decide, before a change, and whether the instance was administered.
pub(super) struct Undecided(Vec<Policy>, bool);

impl Undecided {
    /// Reads them.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn before(scope: &mut OrgScope) -> Result<Self> {
        let administered = db::user::instance_is_administered(scope).await?;
        Ok(Self(db::decider::without(scope, administered).await?, administered))
    }

    /// Those under which nobody could decide only since the change, which the transaction has made already.
    ///
    /// # Errors
    /// When Postgres cannot be reached.
    pub(super) async fn since(self, scope: &mut OrgScope) -> Result<Vec<Affected>> {
        let after = db::decider::without(scope, self.1).await?;
        let stopped = after.into_iter().filter(|policy| !self.0.contains(policy));
        let effect = "nobody could decide on its requests any more";
        Ok(stopped.map(|policy| affected(&policy.kind, policy.name, effect)).collect())
    }
}

/// Asks for consent to everything that a change of rights does elsewhere; what was changed is rolled back without it. `who`
/// is the person or the role.
///
/// # Errors
/// Unless there is nothing, or consent: `owns_keys` (409) where keys are affected, else `stops_decisions`.
pub(super) fn consent(who: &str, keys: Vec<Affected>, stopped: Vec<Affected>, force: bool) -> Result<Vec<Affected>> {
    let code = if keys.is_empty() { "stops_decisions" } else { "owns_keys" };
    let mut said = Vec::new();
    if !keys.is_empty() {
        said.push(format!("{} would end or do less", counted(keys.len(), "API key", "API keys")));
    }
    if !stopped.is_empty() {
        let count = counted(stopped.len(), "approval policy", "approval policies");
        said.push(format!("{count} would name no role that may decide and that somebody has"));
    }
    let all: Vec<_> = keys.into_iter().chain(stopped).collect();
    if force || all.is_empty() {
        return Ok(all);
    }
    Err(Error::needs_consent(code, format!("`{who}`: {}", said.join(", and ")), all))
}

/// What the record says of what was done with consent.
pub(super) fn recorded(affected: &[Affected]) -> Option<serde_json::Value> {
    let named: Vec<_> = affected.iter().take(MOST_AFFECTED).collect();
    let more = affected.len() > MOST_AFFECTED;
    (!affected.is_empty()).then(|| match more {
        true => serde_json::json!({"affected": named, "more": true}),
        false => serde_json::json!({"affected": named}),
    })
}

/// So many, as far as they are counted.
fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        ..=db::key_people::MOST => format!("{count} {many}"),
        _ => format!("more than 1,000 {many}"),
    }
}
