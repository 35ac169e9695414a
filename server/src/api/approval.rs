//! An approval as people see it: in a list, and with everything a person needs to decide (what would run, why
//! it is held, what happened, what was like it, and whether the one who asks may decide).

use api_types::{Approval, ApprovalDetail, ApprovalEvent};
use chrono::TimeDelta;
use domain::approval::{Decider, State, may_decide};
use serde_json::value::RawValue;

use crate::{
    db::{
        self, OrgScope, Reason,
        approval::{Filter, Record},
    },
    error::{Error, Result},
    service::{
        self, Services,
        access::OrgAccess,
        approval_card::{self, Card},
    },
};

/// How many earlier requests of the same tool and caller are shown.
const SIMILAR: usize = 5;

/// A record and its card as people see them.
pub(super) fn approval(record: &Record, card: Card) -> Approval {
    let decision = record.decision();
    Approval {
        id: record.id.0,
        status: record.state().status().to_string(),
        toolkit: record.toolkit.clone(),
        tool: record.tool.clone(),
        caller_kind: record.binding.caller.kind().to_owned(),
        caller_id: record.binding.caller.id(),
        caller_name: record.caller_name.clone(),
        caller_prefix: card.caller_prefix,
        client: record.client.clone(),
        owner_id: record.binding.owner.0,
        owner_email: card.owner_email,
        rule: record.rule.clone(),
        hints: card.hints,
        definition_changed: record.reviewed_definition.is_some(),
        summary: card.summary,
        agent_reason: record.agent_reason.clone(),
        created_at: record.created_at,
        expires_at: record.expires_at,
        execute_by: record.execute_by,
        answer: card.answer.map(|answer| answer.to_string()),
        may_decide: card.may_decide,
        decided_by: decision.map(|d| d.by.0),
        decided_by_email: card.decided_by_email,
        asks_input: matches!(record.state(), State::Executing(executing) if executing.asks),
        decided_at: decision.map(|d| d.at),
        decision_reason: decision.and_then(|d| d.reason.clone()),
        arguments_sha256: hex::encode(record.binding.arguments_sha256),
        definition_sha256: hex::encode(record.binding.definition_sha256),
    }
}

/// Puts the page of one approval together.
///
/// # Errors
/// When Postgres cannot be reached, or the arguments were sealed under another master key.
pub(super) async fn detail(services: &Services, access: &OrgAccess, record: Record) -> Result<ApprovalDetail> {
    let mut scope = OrgScope::system(&services.db.people, access.org.id, Reason::Claim).await?;
    let history = db::approval::events(&mut scope, record.id).await?;
    let own = db::approval::own_people(&mut scope, &record.binding).await?;
    let last_approved = approval_card::last_approved(services, &mut scope, &record).await?;
    let same_call_ran_at = db::approval::card::same_call_ran_at(&mut scope, &record).await?;
    let records = with_similar(&mut scope, record).await?;
    let cards = approval_card::cards(services, &mut scope, &records).await?;
    drop(scope);
    let mut shown = records.iter().zip(cards).map(|(record, card)| approval(record, card));
    let (Some(record), Some(itself)) = (records.first(), shown.next()) else { return Err(Error::not_found()) };
    let similar = shown.collect();
    let policy = service::approval::policy(access, record);
    let refused = match access.actor.person() {
        Ok(user) => {
            let decider = Decider { user, role: &access.role_name, rights: &access.rights };
            may_decide(&decider, &policy, &own).err().map(|refusal| refusal.to_string())
        }
        Err(error) => Some(error.message.to_string()),
    };
    let arguments_json = service::approval::arguments(services, access, record.id).await?;
    let raw = |text: &str| RawValue::from_string(text.to_owned()).map_err(Error::internal);
    let limit = access.org.connections.get(&record.binding.connection).map_or(120_000, |c| c.call_timeout_ms);
    let settle_from = record.state().settle_from(TimeDelta::milliseconds(limit.into()), record.read_at);
    Ok(ApprovalDetail {
        approval: Approval { may_decide: refused.is_none(), ..itself },
        arguments: arguments_json.as_deref().map(raw).transpose()?,
        arguments_json,
        definition: raw(&record.definition)?,
        reviewed_definition: record.reviewed_definition.as_deref().map(raw).transpose()?,
        arguments_check: record.checked.check.as_str().to_owned(),
        check_note: record.checked.note.clone(),
        history: history.into_iter().map(event).collect(),
        similar,
        last_approved,
        same_call_ran_at,
        may_not_decide_because: refused,
        somebody_may_decide: service::approval::has_other_approver(services, access, record).await?,
        settle_from,
    })
}

/// The record, and after it the last other requests of the same tool by the same caller.
async fn with_similar(scope: &mut OrgScope, record: Record) -> Result<Vec<Record>> {
    let like = Filter {
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

fn event(row: db::approval::EventRow) -> ApprovalEvent {
    ApprovalEvent {
        at: row.at,
        from: row.from_state,
        to: row.to_state,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_name: row.actor_name,
        note: row.note,
    }
}
