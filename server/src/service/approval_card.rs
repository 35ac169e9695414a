//! What people see of a request beside the request itself: who asks, what the tool says of itself, the
//! arguments in a line. For a whole list at once, with a number of queries that does not grow with it.

use std::collections::HashMap;

use api_types::{EarlierCall, ToolHints};
use domain::{Principal, UserId, approval::Answer, directory::Directory};
use serde_json::value::RawValue;
use uuid::Uuid;
use wire::definition::ToolDefinition;

use super::{Services, approval_run, summary::summary};
use crate::{
    db::{
        OrgScope,
        approval::{
            Record,
            card::{self, Kept},
        },
    },
    error::Result,
    vault::Purpose,
};

/// The largest arguments that are read for a line of a list, in bytes; of larger ones the line says only how
/// large they are. A list of 200 reads 3 MB at most.
const IN_A_LINE: i32 = 16 * 1024;

/// What is added to a record for people.
#[derive(Clone, Debug, Default)]
pub struct Card {
    /// The first characters of the newest secret of a caller that is a key.
    pub caller_prefix: Option<String>,
    /// The e-mail of the person answerable.
    pub owner_email: Option<String>,
    /// The e-mail of who decided.
    pub decided_by_email: Option<String>,
    /// What the tool's definition claims.
    pub hints: ToolHints,
    /// The arguments in one line.
    pub summary: Option<String>,
    /// Whether the one who asks may decide it.
    pub may_decide: bool,
    /// How the upstream answered.
    pub answer: Option<Answer>,
}

/// The cards of these records, in their order. `scope` was made with `Reason::Claim`.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn cards(services: &Services, scope: &mut OrgScope, records: &[Record]) -> Result<Vec<Card>> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.id.0).collect();
    let arguments = arguments_on_record(services, scope, &ids, IN_A_LINE).await?;
    let mut keys: Vec<Uuid> = records.iter().filter_map(key_of).collect();
    keys.sort_unstable();
    keys.dedup();
    let prefixes = card::key_prefixes(scope, &keys).await?;
    let answers = approval_run::answers(scope, records).await?;
    let directory = services.directory.get()?;
    let made = records.iter().map(|record| Card {
        caller_prefix: key_of(record).and_then(|key| prefixes.get(&key).cloned()),
        owner_email: email(&directory, record.binding.owner),
        decided_by_email: record.decision().and_then(|decision| email(&directory, decision.by)),
        hints: hints(&record.definition),
        summary: arguments.get(&record.id.0).and_then(|kept| match kept {
            Kept::Whole(json) => summary(json),
            Kept::Large(size) => Some(format!("arguments of {} kB", size.div_ceil(1000))),
        }),
        may_decide: false,
        answer: answers.get(&record.id).copied(),
    });
    Ok(made.collect())
}

/// The last other call of this tool by this caller that a person allowed before this one was decided, or could be
/// decided for the last time, if its arguments are still on record. `scope` was made with `Reason::Claim`.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn last_approved(services: &Services, scope: &mut OrgScope, record: &Record) -> Result<Option<EarlierCall>> {
    let moment = record.decision_moment();
    let Some((id, approved_at)) = card::last_approved(scope, record, moment).await? else { return Ok(None) };
    let mut arguments = arguments_on_record(services, scope, &[id.0], i32::MAX).await?;
    let Some(Kept::Whole(arguments_json)) = arguments.remove(&id.0) else { return Ok(None) };
    Ok(Some(EarlierCall { id: id.0, approved_at, arguments_json }))
}

/// The arguments of these approvals: the exact bytes while they are kept, else what the audit has of
/// them, secrets taken out; of at most `largest` bytes each.
async fn arguments_on_record(
    services: &Services,
    scope: &mut OrgScope,
    ids: &[Uuid],
    largest: i32,
) -> Result<HashMap<Uuid, Kept<String>>> {
    let sealed = card::arguments_sealed(scope, ids, largest).await?;
    // What was sealed under another master key is as good as gone; a list must not fail for it.
    let opened = sealed.into_iter().filter_map(|(id, kept)| match kept {
        Kept::Whole(sealed) => {
            let bytes = services.vault.open(Purpose::ApprovalArguments, id.as_bytes(), &sealed).ok()?;
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
        Kept::Whole(params) => Some((id, Kept::Whole(arguments_in(&params)?))),
        Kept::Large(size) => Some((id, Kept::Large(size))),
    }));
    Ok(found)
}

/// The `arguments` member of a call's recorded `params`.
fn arguments_in(params: &str) -> Option<String> {
    let params: &RawValue = serde_json::from_str(params).ok()?;
    let members = wire::json::fields(params).ok()?;
    let arguments = members.into_iter().find(|(name, _)| name == "arguments");
    Some(arguments.map_or_else(|| "{}".to_owned(), |(_, value)| value.get().to_owned()))
}

fn key_of(record: &Record) -> Option<Uuid> {
    match record.binding.caller {
        Principal::Key(id) => Some(id.0),
        Principal::User(_) => None,
    }
}

fn email(directory: &Directory, person: UserId) -> Option<String> {
    directory.people.get(&person).map(|person| person.email.to_string())
}

fn hints(definition: &str) -> ToolHints {
    let parsed = serde_json::from_str::<&RawValue>(definition).ok().and_then(|raw| ToolDefinition::parse(raw).ok());
    let hints = parsed.map(|definition| definition.hints).unwrap_or_default();
    ToolHints {
        read_only: hints.read_only,
        destructive: hints.destructive,
        idempotent: hints.idempotent,
        open_world: hints.open_world,
    }
}
