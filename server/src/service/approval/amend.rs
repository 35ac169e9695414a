//! What an approver does to a request beside deciding it: taking an approval back before it was used, and giving a request
//! that waits more time.

use chrono::{SecondsFormat, TimeDelta};
use domain::{
    ApprovalId, Principal,
    approval::{State, Status, TakenBack, state::EXTEND_SECONDS},
};
use serde_json::json;

use super::decide::{self, Opened};
use crate::{
    db::{
        self,
        approval::{Actor, Record},
    },
    error::{Error, Result},
    service::{Base, access::OrgAccess, reason::check_said},
};

/// Takes an approval back before it was used. Repeating it changes nothing.
///
/// # Errors
/// Not found; `person_required`; forbidden (not an approver, one's own request); a reason that says nothing; 409
/// `executing` when the call was claimed first, `not_open` when it is not approved.
pub async fn revoke(services: &Base, access: &OrgAccess, id: ApprovalId, reason: &str) -> Result<Record> {
    access.actor.person()?;
    check_said("reason", reason, "must say why: the agent reads it")?;
    let Opened { mut scope, record, person, .. } = decide::open(services, access, id).await?;
    let record = decide::tidied(services, &mut scope, record).await?;
    let approved = match record.stored.clone() {
        State::Approved(approved) => approved,
        State::Withdrawn { taken_back: Some(taken), .. } if taken.by == person => return Ok(record),
        State::Executing(_) | State::Executed(_) | State::OutcomeUnknown(_) => {
            let status = record.stored.status();
            let text = format!("the call was claimed before this and is {status}; nothing recalls it now");
            return Err(Error::conflict("executing", text));
        }
        State::Pending(_) => {
            return Err(Error::conflict("not_open", "the request is pending: reject it; nothing was approved yet"));
        }
        other => return Err(decide::not_open(other.status())),
    };
    let taken = TakenBack { by: person, reason: reason.to_owned() };
    let next = approved.take_back(taken, record.read_at);
    let actor = Actor::Principal(Principal::User(person), access.actor.name.to_string());
    if !db::approval::store(&mut scope, id, Status::Approved, &next, &actor, Some(reason)).await? {
        return Err(Error::internal(format!("approvals {id}: a locked row moved")));
    }
    let request = json!({"approval_id": id.0, "tool": record.tool, "reason": reason});
    decide::finish(services, scope, access, "revoke_approval", &request, id).await
}

/// Gives a request that waits more time.
///
/// # Errors
/// Not found; `person_required`; forbidden (not an approver, one's own request); seconds out of bounds; 409 `not_open`
/// when it does not wait, `extended_twice`, `invalidated` when something it is bound to changed.
pub async fn extend(services: &Base, access: &OrgAccess, id: ApprovalId, seconds: u32) -> Result<Record> {
    access.actor.person()?;
    if !EXTEND_SECONDS.contains(&seconds) {
        let (least, most) = (*EXTEND_SECONDS.start(), *EXTEND_SECONDS.end());
        return Err(Error::invalid("seconds", format!("must be {least} to {most}")));
    }
    let Opened { mut scope, record, person, .. } = decide::open(services, access, id).await?;
    let record = decide::tidied(services, &mut scope, record).await?;
    let (mut scope, record) = decide::still_bound(services, access, scope, record).await?;
    let State::Pending(pending) = record.stored.clone() else {
        return Err(decide::not_open(record.stored.status()));
    };
    let twice = "the request was given more time twice, which is as often as it can be";
    let next = pending.extend(TimeDelta::seconds(seconds.into()));
    let next = next.ok_or_else(|| Error::conflict("extended_twice", twice))?;
    let until = next.expires_at().to_rfc3339_opts(SecondsFormat::Secs, true);
    let actor = Actor::Principal(Principal::User(person), access.actor.name.to_string());
    let note = format!("more time: until {until}");
    if !db::approval::store(&mut scope, id, Status::Pending, &State::Pending(next), &actor, Some(&note)).await? {
        // The deadline passed between reading and writing.
        return Err(decide::not_open(Status::Expired));
    }
    let request = json!({"approval_id": id.0, "tool": record.tool, "seconds": seconds, "expires_at": until});
    decide::finish(services, scope, access, "extend_approval", &request, id).await
}
