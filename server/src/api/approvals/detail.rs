//! An approval with everything a person needs to decide: what would run, why it is held, what happened, what was like
//! it, and whether the one who asks may decide.

use api_types::{ApprovalDetail, ApprovalEvent};
use chrono::TimeDelta;
use domain::approval::State;
use serde_json::value::RawValue;

use crate::{
    api::catalog::connections,
    db::{
        self, OrgScope, Reason,
        approval::{Filter, Record},
    },
    error::{Error, Result},
    service::{
        self, Services,
        access::OrgAccess,
        approval::{
            card::{self, row},
            inbox::Deciding,
            people, run,
        },
    },
};

/// How many earlier requests of the same tool and caller are shown.
const SIMILAR: usize = 5;

/// Puts the page of one approval together.
///
/// # Errors
/// When Postgres cannot be reached, or the arguments were sealed under another master key.
pub(in crate::api) async fn detail(services: &Services, access: &OrgAccess, record: Record) -> Result<ApprovalDetail> {
    let mut scope = OrgScope::system(&services.db.people, access.org.id, Reason::Callers).await?;
    let history = db::approval::events(&mut scope, record.id).await?;
    let own = db::approval::own_people(&mut scope, &record.binding).await?;
    let result = run::result(&mut scope, &record).await?;
    let last_approved = card::last_approved(services, &mut scope, &record).await?;
    let same_call_ran_at = db::approval::card::same_call_ran_at(&mut scope, &record).await?;
    let records = with_similar(&mut scope, record).await?;
    let cards = card::cards(services, &mut scope, Some(&access.org), &records).await?;
    let (definition, reviewed_definition) = match records.first() {
        Some(record) => db::approval::definitions(&mut scope, record.id).await?,
        None => return Err(Error::not_found()),
    };
    let reviewed = match records.first() {
        Some(record) => db::tool::exposed(&mut scope, record.binding.toolkit_tool).await?,
        None => None,
    };
    drop(scope);
    let reviewed = match &reviewed {
        Some(tool) => {
            let emails = connections::reviewers(services, std::slice::from_ref(tool)).await?;
            connections::reviewed(&emails, service::catalog::connection::listed(tool)?.into_owned())
        }
        None => Vec::new(),
    };
    let deciding = Deciding::of(access);
    let mut shown = records.iter().zip(cards).map(|(record, card)| row(record, card, &deciding));
    let (Some(record), Some(itself)) = (records.first(), shown.next()) else { return Err(Error::not_found()) };
    let similar = shown.collect();
    let people = people::who_decides(services, &access.org, record, &own).await?;
    let refused = people::refused(access, record, &own, &people);
    let exact = service::approval::arguments(services, access, record.id).await?;
    let recorded = match exact {
        Some(_) => None,
        None => card::recorded_arguments(services, access.org.id, record.id).await?,
    };
    let arguments_redacted = recorded.is_some();
    let arguments_json = exact.or(recorded);
    let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(Error::internal);
    let limit = access.org.connections.get(&record.binding.connection).map_or(120_000, |c| c.call_timeout_ms);
    let settle_from = record.state().settle_from(TimeDelta::milliseconds(limit.into()), record.read_at);
    Ok(ApprovalDetail {
        approval: itself,
        arguments: arguments_json.as_deref().map(raw).transpose()?,
        arguments_json,
        arguments_redacted,
        definition: raw(&definition)?,
        reviewed_definition: reviewed_definition.as_deref().map(raw).transpose()?,
        reviewed,
        arguments_check: record.checked.check.as_str().to_owned(),
        check_note: record.checked.note.clone(),
        history: history.into_iter().map(event).collect(),
        similar,
        last_approved,
        same_call_ran_at,
        may_not_decide_because: refused,
        somebody_may_decide: people.somebody,
        who_decides: people.who,
        result,
        settle_from,
    })
}

/// The record, and after it the last other requests of the same tool by the same caller. Beside one that waits for
/// nobody any more stand only those that were asked for earlier.
async fn with_similar(scope: &mut OrgScope, record: Record) -> Result<Vec<Record>> {
    let waits = matches!(record.state(), State::Pending(_));
    let like = Filter {
        before: (!waits).then_some(record.id),
        tool: Some(record.tool.clone()),
        toolkit: Some(record.toolkit.clone()),
        caller: Some(record.binding.caller.id()),
        limit: SIMILAR as i64 + 1,
        ..Filter::default()
    };
    let mut records = db::approval::list(scope, &like).await?;
    records.retain(|other| other.id != record.id);
    records.truncate(SIMILAR);
    records.insert(0, record);
    Ok(records)
}

fn event(event: db::approval::EventRow) -> ApprovalEvent {
    ApprovalEvent {
        at: event.at,
        from: event.from_state,
        to: event.to_state,
        actor_kind: event.actor_kind,
        actor_id: event.actor_id,
        actor_name: event.actor_name,
        note: event.note,
    }
}
