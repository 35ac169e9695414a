//! What people see of a request beside the request itself: who asks, what the tool says of itself, the
//! arguments in a line and their values. For a whole list at once, with a number of queries that does not grow with it.

use std::collections::HashMap;

use api_types::{Approval, EarlierCall, ToolHints};
use domain::{
    ApprovalId, OrgId, Principal, UserId,
    approval::{Answer, State, TakenBack},
    directory::Org,
};
use uuid::Uuid;

use super::{inbox::Deciding, run};
use crate::{
    db::{
        self, OrgScope,
        approval::{
            Record,
            card::{self, Kept},
            own::{self, KeyFacts},
        },
    },
    error::Result,
    seal::Purpose,
    service::{
        Base, Catalog,
        summary::{arguments_in, summary, values::values},
    },
};

/// The largest arguments that are read for a line of a list, in bytes; of larger ones the line says only how
/// large they are. A list of 200 reads 3 MB at most, and as much of the calls that were approved last.
pub const IN_A_LINE: i32 = 16 * 1024;

/// What is added to a record for people.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// What there is to say of a caller that is a key.
    pub key: Option<KeyFacts>,
    /// The e-mail of the person answerable.
    pub owner_email: Option<String>,
    /// The e-mail of who decided.
    pub decided_by_email: Option<String>,
    /// The e-mail of who took the approval back.
    pub taken_back_by_email: Option<String>,
    /// What the tool's definition claims.
    pub hints: ToolHints,
    /// The arguments in one line.
    pub summary: Option<String>,
    /// Some of their values in words: first what differs from the last approved call of this tool by this caller.
    pub values: Vec<String>,
    /// How the upstream answered.
    pub answer: Option<Answer>,
}

/// The cards of these records, in their order. `scope` was made with `Reason::Callers`, and `org` is its org, if there is
/// one still.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn cards(
    services: &Catalog,
    scope: &mut OrgScope,
    org: Option<&Org>,
    records: &[Record],
) -> Result<Vec<Card>> {
    let last = card::last_approved_of_each(scope, records).await?;
    let mut ids: Vec<Uuid> = records.iter().map(|record| record.id.0).chain(last.values().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let arguments = arguments_on_record(services, scope, &ids, IN_A_LINE).await?;
    let mut keys: Vec<Uuid> = records.iter().filter_map(key_of).collect();
    keys.sort_unstable();
    keys.dedup();
    let keys = own::keys(scope, &keys).await?;
    let answers = run::answers(scope, records).await?;
    let hints = services.hints.of(scope, org, records).await?;
    let emails = db::user::emails(scope, &people(records)).await?;
    let whole = |id: &Uuid| match arguments.get(id) {
        Some(Kept::Whole(json)) => Some(json.as_str()),
        _ => None,
    };
    let made = records.iter().map(|record| Card {
        key: key_of(record).and_then(|key| keys.get(&key).cloned()),
        owner_email: emails.get(&record.binding.owner).cloned(),
        decided_by_email: record.decided.as_ref().and_then(|decision| emails.get(&decision.by).cloned()),
        taken_back_by_email: taken_back(record).and_then(|taken| emails.get(&taken.by).cloned()),
        hints: hints.get(&record.binding.definition_sha256).copied().unwrap_or_default(),
        summary: arguments.get(&record.id.0).and_then(|kept| match kept {
            Kept::Whole(json) => summary(json),
            Kept::Large(size) => Some(format!("arguments of {} kB", size.div_ceil(1000))),
        }),
        values: whole(&record.id.0)
            .map(|json| values(json, last.get(&record.id.0).and_then(whole)))
            .unwrap_or_default(),
        answer: answers.get(&record.id).copied(),
    });
    Ok(made.collect())
}

/// A record and its card as the one sees it whose decisions `deciding` tells.
pub fn row(record: &Record, card: Card, deciding: &Deciding) -> Approval {
    let decision = record.decided.as_ref();
    let people = own::own_of(&record.binding, card.key.as_ref());
    Approval {
        id: record.id.0,
        status: record.state().status().to_string(),
        toolkit: record.toolkit.clone(),
        tool: record.tool.clone(),
        caller_kind: record.binding.caller.kind().to_owned(),
        caller_id: record.binding.caller.id(),
        caller_name: record.caller_name.clone(),
        caller_prefix: card.key.and_then(|key| key.prefix),
        client: record.client.clone(),
        owner_id: record.binding.owner.0,
        owner_email: card.owner_email,
        rule: record.rule.clone(),
        hints: card.hints,
        definition_changed: record.definition_changed,
        summary: card.summary,
        values: card.values,
        agent_reason: record.agent_reason.clone(),
        created_at: record.created_at,
        expires_at: record.expires_at,
        extended: record.extended,
        execute_by: record.execute_by,
        answer: card.answer.map(|answer| answer.to_string()),
        may_decide: deciding.may(record.binding.toolkit_tool, &people),
        decided_by: decision.map(|d| d.by.0),
        decided_by_email: card.decided_by_email,
        asks_input: matches!(record.state(), State::Executing(executing) if executing.asks()),
        decided_at: decision.map(|d| d.at),
        decision_reason: decision.and_then(|d| d.reason.clone()),
        taken_back_by: taken_back(record).map(|taken| taken.by.0),
        taken_back_by_email: card.taken_back_by_email,
        taken_back_reason: taken_back(record).map(|taken| taken.reason.clone()),
        changed: match &record.stored {
            State::Invalidated { change, .. } => Some(change.message().to_owned()),
            _ => None,
        },
        arguments_sha256: hex::encode(record.binding.arguments_sha256),
        definition_sha256: hex::encode(record.binding.definition_sha256),
    }
}

/// Who took the approval back, and why.
fn taken_back(record: &Record) -> Option<&TakenBack> {
    match &record.stored {
        State::Withdrawn { taken_back, .. } => taken_back.as_ref(),
        _ => None,
    }
}

/// The last other call of this tool by this caller that a person allowed before this one was decided, or could be
/// decided for the last time, if its arguments are still on record. `scope` was made with `Reason::Callers`.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn last_approved(services: &Base, scope: &mut OrgScope, record: &Record) -> Result<Option<EarlierCall>> {
    let moment = record.decision_moment();
    let Some((id, approved_at)) = card::last_approved(scope, record, moment).await? else { return Ok(None) };
    let mut arguments = arguments_on_record(services, scope, &[id.0], i32::MAX).await?;
    let Some(Kept::Whole(arguments_json)) = arguments.remove(&id.0) else { return Ok(None) };
    Ok(Some(EarlierCall { id: id.0, approved_at, arguments_json }))
}

/// The arguments of an approval as the audit has them, secrets taken out.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn recorded_arguments(services: &Base, org: OrgId, id: ApprovalId) -> Result<Option<String>> {
    let mut scope = OrgScope::begin(&services.db.people, org).await?;
    let recorded = card::recorded_params(&mut scope, &[id.0], i32::MAX).await?.remove(&id.0);
    Ok(match recorded {
        Some(Kept::Whole(params)) => arguments_in(&params).map(str::to_owned),
        _ => None,
    })
}

/// The arguments of these approvals: the exact bytes while they are kept, else what the audit has of
/// them, secrets taken out; of at most `largest` bytes each.
async fn arguments_on_record(
    services: &Base,
    scope: &mut OrgScope,
    ids: &[Uuid],
    largest: i32,
) -> Result<HashMap<Uuid, Kept<String>>> {
    let sealed = card::arguments_sealed(scope, ids, largest).await?;
    // What was sealed under another master key is as good as gone; a list must not fail for it.
    let opened = sealed.into_iter().filter_map(|(id, kept)| match kept {
        Kept::Whole(sealed) => {
            let bytes = services.sealer.open(Purpose::ApprovalArguments, id.as_bytes(), &sealed).ok()?;
            Some((id, Kept::Whole(String::from_utf8(bytes).ok()?)))
        }
        Kept::Large(size) => Some((id, Kept::Large(size))),
    });
    let mut found: HashMap<Uuid, Kept<String>> = opened.collect();
    let erased: Vec<Uuid> = ids.iter().copied().filter(|id| !found.contains_key(id)).collect();
    if erased.is_empty() {
        return Ok(found);
    }
    let recorded = card::recorded_params(scope, &erased, largest).await?;
    found.extend(recorded.into_iter().filter_map(|(id, kept)| match kept {
        Kept::Whole(params) => Some((id, Kept::Whole(arguments_in(&params)?.to_owned()))),
        Kept::Large(size) => Some((id, Kept::Large(size))),
    }));
    Ok(found)
}

/// The caller's id, if it is a key.
pub(in crate::service) fn key_of(record: &Record) -> Option<Uuid> {
    match record.binding.caller {
        Principal::Key(id) => Some(id.0),
        Principal::User(_) => None,
    }
}

/// Those whom the records name: who is answerable, who decided, who took the approval back.
fn people(records: &[Record]) -> Vec<UserId> {
    let named = records.iter().flat_map(|record| {
        let decided = record.decided.as_ref().map(|decision| decision.by);
        [Some(record.binding.owner), decided, taken_back(record).map(|taken| taken.by)]
    });
    let mut people: Vec<_> = named.flatten().collect();
    people.sort_unstable();
    people.dedup();
    people
}
