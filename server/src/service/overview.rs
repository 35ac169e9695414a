//! The first page of an org: what waits, what needs attention, who calls. Nothing of it is on the way of a call.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use api_types::{Attention, AttentionKind, Caller, FirstSteps, Overview};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Right, UserId};
use uuid::Uuid;

use super::{Views, access::OrgAccess, approval::inbox, counted_calls::Counted};
use crate::{
    db::{
        self, OrgScope,
        overview::{Calls, Matter, expiring_keys, first_steps, requests, unknown},
    },
    error::Result,
};

/// How many callers are told.
const CALLERS: usize = 10;
/// How much that needs attention is told.
const ATTENTION: usize = 50;
/// How long counting may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What the actor may see of the org's overview.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn overview(services: &Views, access: &OrgAccess) -> Result<Overview> {
    let now = services.clock.now();
    let summary = inbox::summary(services, access).await?;
    let may = |right| access.rights.has(right);
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    let counted = requests(&mut scope, now, now + TimeDelta::minutes(5), now - TimeDelta::days(1)).await?;
    let (key, call) = first_steps(&mut scope, now).await?;
    let mut attention: Vec<Attention> =
        unknown(&mut scope).await?.into_iter().map(|matter| about(AttentionKind::OutcomeUnknown, matter)).collect();
    if may(Right::ReadConnections) {
        let rows = db::connection::list(&mut scope, None, 200).await?;
        let failing = rows.into_iter().filter(|row| row.enabled && row.last_error.is_some());
        attention.extend(failing.map(|row| Attention {
            kind: AttentionKind::ConnectionError,
            name: row.slug,
            id: None,
            count: 1,
            at: row.last_error_at,
            detail: row.last_error,
        }));
    }
    let administered = db::user::instance_is_administered(&mut scope).await?;
    let stuck = db::decider::without(&mut scope, administered).await?;
    attention.extend(stuck.into_iter().map(|policy| Attention {
        kind: AttentionKind::NobodyDecides,
        name: if policy.kind == "org" { access.org.slug.to_string() } else { policy.name },
        id: None,
        count: 1,
        at: None,
        detail: Some(policy.kind),
    }));
    if may(Right::ReadConnections) {
        attention.extend(changed(access));
    }
    if may(Right::ReadKeys) {
        let keys = expiring_keys(&mut scope, now, now + TimeDelta::days(7)).await?;
        attention.extend(keys.into_iter().map(|matter| about(AttentionKind::KeyExpires, matter)));
    }
    drop(scope);
    attention.truncate(ATTENTION);
    let counted_calls = match may(Right::ReadAudit) {
        true => Some(calls(services, access, now).await?),
        false => None,
    };
    let steps = FirstSteps {
        connection: !access.org.connections.is_empty(),
        toolkit: access.org.toolkits.values().any(|toolkit| !toolkit.tools.is_empty()),
        key,
        call,
    };
    Ok(Overview {
        waiting: summary.waiting,
        mine: summary.mine,
        urgent: counted.urgent.unsigned_abs(),
        oldest_at: summary.oldest_at,
        decided: counted.decided.unsigned_abs(),
        calls: counted_calls.as_ref().map(|counted| counted.calls),
        failed: counted_calls.as_ref().map(|counted| counted.failed),
        steps,
        attention,
        callers: counted_calls.map(|counted| counted.callers).unwrap_or_default(),
    })
}

fn about(kind: AttentionKind, matter: Matter) -> Attention {
    let Matter { id, name, at } = matter;
    Attention { kind, name, id: Some(id), count: 1, at, detail: None }
}

/// The connections with tools in toolkits whose definitions wait for a review, with how many.
fn changed(access: &OrgAccess) -> impl Iterator<Item = Attention> + '_ {
    let mut counts = BTreeMap::<&str, Vec<Uuid>>::new();
    for tool in access.org.toolkits.values().flat_map(|toolkit| &toolkit.tools).filter(|tool| tool.tool.changed) {
        if let Some(connection) = access.org.connections.get(&tool.tool.connection) {
            counts.entry(connection.slug.as_str()).or_default().push(tool.tool.id.0);
        }
    }
    counts.into_iter().map(|(slug, mut tools)| {
        // Several toolkits may have one tool.
        tools.sort_unstable();
        tools.dedup();
        Attention {
            kind: AttentionKind::DefinitionsChanged,
            name: slug.to_owned(),
            id: None,
            count: tools.len() as u64,
            at: None,
            detail: None,
        }
    })
}

async fn calls(services: &Views, access: &OrgAccess, now: DateTime<Utc>) -> Result<Counted> {
    let (org, clock) = (access.org.id.0, services.clock.elapsed());
    if let Some(counted) = services.counted_calls.get(org, clock) {
        return Ok(counted);
    }
    let since = now - TimeDelta::days(1);
    let mut scope = OrgScope::begin(&services.db.people, access.org.id).await?;
    let rows = match db::overview::calls(&mut scope, since, PATIENCE).await {
        Err(error) if error.took_too_long() => Vec::new(),
        rows => rows?,
    };
    drop(scope);
    let (calls, failed) = rows.iter().fold((0, 0), |(calls, failed), row| (calls + row.calls, failed + row.failed));
    let mut callers = top(rows);
    let owners = services.directory.emails(callers.iter().map(|caller| UserId(caller.id))).await?;
    for caller in &mut callers {
        caller.owner = owners.of(UserId(caller.id));
    }
    let counted = Counted { callers, calls: calls.unsigned_abs(), failed: failed.unsigned_abs() };
    services.counted_calls.keep(org, clock, counted.clone());
    Ok(counted)
}

/// Those who called most, with their calls by the hour.
fn top(rows: Vec<Calls>) -> Vec<Caller> {
    let mut callers = HashMap::<Uuid, Caller>::new();
    for row in rows {
        let Some(id) = row.caller else { continue };
        let caller = callers.entry(id).or_insert_with(|| Caller {
            id,
            name: row.name,
            owner: None,
            calls: 0,
            hours: vec![0; 24],
        });
        let calls = row.calls.unsigned_abs();
        caller.calls += calls;
        if let Some(hour) = usize::try_from(row.hour).ok().and_then(|hour| caller.hours.get_mut(hour.min(23))) {
            *hour += calls;
        }
    }
    let mut callers: Vec<Caller> = callers.into_values().collect();
    callers.sort_by(|one, other| other.calls.cmp(&one.calls).then_with(|| one.name.cmp(&other.name)));
    callers.truncate(CALLERS);
    callers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(caller: u128, hour: i32, calls: i64) -> Calls {
        Calls { caller: Some(Uuid::from_u128(caller)), name: format!("key {caller}"), hour, calls, failed: 0 }
    }

    #[test]
    fn who_calls_most_comes_first_with_every_hour() {
        let found = top(vec![row(1, 0, 2), row(2, 23, 9), row(1, 24, 3), Calls { caller: None, ..row(3, 1, 99) }]);
        let told: Vec<_> = found.iter().map(|caller| (caller.name.as_str(), caller.calls)).collect();
        assert_eq!(told, [("key 2", 9), ("key 1", 5)]);
        assert_eq!((found[1].hours[0], found[1].hours[23]), (2, 3), "the hour that has just ended is the last one");
    }

    #[test]
    fn few_callers_are_told() {
        assert_eq!(top((0..500).map(|n| row(n, 1, 1)).collect()).len(), CALLERS);
    }
}
