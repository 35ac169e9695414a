//! Whose requests those of a key are (approvals.md, "Who may decide"): said once, for decisions, lists and events. Keys
//! of other orgs ask too: the transaction is made with `Reason::Callers`.

use std::collections::HashMap;

use domain::{
    Principal, UserId,
    approval::{Binding, Own},
};
use uuid::Uuid;

use crate::{db::OrgScope, error::Result};

/// What a row of a list says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The first characters of its newest secret.
    pub prefix: Option<String>,
    /// Its owner, its creator, its rotators and who owned it before, each with what makes its requests theirs.
    pub people: Vec<(UserId, Own)>,
}

/// Reads what there is to say of these keys.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn keys(scope: &mut OrgScope, ids: &[Uuid]) -> Result<HashMap<Uuid, KeyFacts>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query!(
        r#"SELECT k.id, k.owner_id, k.created_by, array_remove(k.former_owners, k.owner_id) AS "former_owners!",
               (SELECT s.prefix FROM api_key_secrets s WHERE s.key_id = k.id ORDER BY s.created_at DESC, s.id DESC LIMIT 1)
                   AS prefix,
               ARRAY(SELECT DISTINCT s.created_by FROM api_key_secrets s
                     WHERE s.key_id = k.id AND s.created_by <> k.created_by ORDER BY 1) AS "rotators!: Vec<Uuid>"
           FROM api_keys k WHERE k.id = ANY($1)"#,
        ids,
    )
    .fetch_all(scope.conn())
    .await?;
    let facts = rows.into_iter().map(|row| {
        let mut people = vec![(UserId(row.owner_id), Own::Owner), (UserId(row.created_by), Own::Creator)];
        people.extend(row.rotators.into_iter().map(|person| (UserId(person), Own::Rotator)));
        people.extend(row.former_owners.into_iter().map(|person| (UserId(person), Own::FormerOwner)));
        (row.id, KeyFacts { prefix: row.prefix, people })
    });
    Ok(facts.collect())
}

/// The people whose request it is, and what makes it theirs: whoever owns the key or has owned it, its creator and its
/// rotators, or the asking person.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn own_people(scope: &mut OrgScope, binding: &Binding) -> Result<Vec<(UserId, Own)>> {
    let facts = match binding.caller {
        Principal::User(_) => None,
        Principal::Key(key) => keys(scope, &[key.0]).await?.remove(&key.0),
    };
    Ok(own_of(binding, facts.as_ref()))
}

/// The same, where the facts of the key are known.
pub fn own_of(binding: &Binding, key: Option<&KeyFacts>) -> Vec<(UserId, Own)> {
    let mut people = match binding.caller {
        Principal::User(user) => vec![(user, Own::Caller)],
        Principal::Key(_) => key.map(|key| key.people.clone()).unwrap_or_default(),
    };
    let answers = |own: &Own| matches!(own, Own::Owner | Own::FormerOwner | Own::Caller);
    if !people.iter().any(|(person, own)| *person == binding.owner && answers(own)) {
        people.push((binding.owner, Own::FormerOwner));
    }
    people
}

/// The keys whose requests wait for a decision in this org, and what there is to say of them. At most as many as there
/// are requests that wait.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn waiting_keys(scope: &mut OrgScope) -> Result<HashMap<Uuid, KeyFacts>> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT caller_id FROM approvals WHERE org_id = $1 AND state = 'pending' AND caller_kind = 'key'",
        scope.org().0,
    )
    .fetch_all(scope.conn())
    .await?;
    keys(scope, &ids).await
}

/// The requests of these keys that wait for a decision, oldest first, at most `limit`.
///
/// # Errors
/// When Postgres cannot be reached.
#[tracing::instrument(level = "debug", skip_all)]
pub async fn waiting_of(scope: &mut OrgScope, keys: &[Uuid], limit: i64) -> Result<Vec<Uuid>> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM approvals WHERE org_id = $1 AND state = 'pending' AND caller_kind = 'key' AND caller_id = ANY($2)
         ORDER BY id LIMIT $3",
        scope.org().0,
        keys,
        limit,
    )
    .fetch_all(scope.conn())
    .await?)
}
