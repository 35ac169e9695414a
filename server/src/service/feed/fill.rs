//! Fills a ring, in three tasks, so that a slow look at the database does not hold up notifications.

use std::{sync::Arc, time::Duration};

use api_types::event::{CallFinished, ConnectionChanged, name};
use domain::{OrgId, Right};
use tokio::{sync::watch, time::MissedTickBehavior};
use uuid::Uuid;

use super::{
    approvals::Approvals,
    calls::{self, FinishedCalls},
    channel::Channel,
    connections::Connections,
    parts::Parts,
};
use crate::{
    db::{OrgScope, audit::finished},
    error::Result,
    service::{Catalog, Views},
};

/// How often the database is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Begins an org's ring, unless somebody else did just now.
///
/// # Errors
/// When Postgres cannot be reached.
pub(super) async fn open(services: &Arc<Views>, org: OrgId) -> Result<Arc<Channel>> {
    let _one_at_a_time = services.feed.opening.lock().await;
    if let Some(channel) = services.feed.find(org) {
        return Ok(channel);
    }
    let approvals = Approvals::begin(services, org).await?;
    let parts = Parts::begin(services);
    let mut scope = OrgScope::begin(&services.db.people, org).await?;
    let calls = calls::Calls::begin(&mut scope).await?;
    let mut connections = Connections::default();
    connections.look(&mut scope, &services.upstreams, services.directory.version_of(org)).await?;
    drop(scope);
    let channel = Arc::new(Channel {
        id: Uuid::now_v7(),
        org,
        ring: Default::default(),
        newest: watch::channel(0).0,
        watched: Default::default(),
        came: Default::default(),
        closed: services.stop.child_token(),
    });
    channel.watched.lock().left = Some(services.clock.elapsed());
    services.feed.seats.lock().channels.insert(org, channel.clone());
    tokio::spawn(approvals.tell(services.catalog.clone(), channel.clone()));
    tokio::spawn(parts.tell(services.base.clone(), channel.clone()));
    tokio::spawn(look(services.clone(), channel.clone(), calls, connections));
    Ok(channel)
}

/// Looks at the database until nobody has watched for a while.
async fn look(services: Arc<Views>, channel: Arc<Channel>, mut calls: calls::Calls, mut connections: Connections) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unwell = false;
    loop {
        tokio::select! {
            () = channel.closed.cancelled() => return,
            _ = tick.tick() => {}
        }
        if services.feed.close_if_left(&channel, services.clock.elapsed()) {
            return;
        }
        match look_once(&services, &channel, &mut calls, &mut connections).await {
            Ok(()) => unwell = false,
            Err(error) if !unwell => {
                unwell = true;
                tracing::warn!(%error, "events cannot be read");
            }
            Err(_) => {}
        }
    }
}

async fn look_once(
    services: &Catalog,
    channel: &Channel,
    calls: &mut calls::Calls,
    connections: &mut Connections,
) -> Result<()> {
    services.directory.confirmed()?;
    let version = services.directory.version_of(channel.org);
    let mut scope = OrgScope::begin(&services.db.people, channel.org).await?;
    let found = calls.look(&mut scope).await?;
    match found {
        FinishedCalls::Finished(rows) => {
            for row in rows {
                call_finished(channel, row);
            }
        }
        FinishedCalls::TooMany => channel.resync(Some(Right::ReadAudit)),
    }
    for connection in connections.look(&mut scope, &services.upstreams, version).await? {
        channel.push(name::CONNECTION_CHANGED, &ConnectionChanged { connection }, Some(Right::ReadConnections));
    }
    Ok(())
}

fn call_finished(channel: &Channel, row: finished::Row) {
    let data = CallFinished {
        audit_id: row.id,
        action: row.action,
        toolkit: row.toolkit,
        tool: row.tool,
        status: row.status.unwrap_or_default(),
        duration_us: row.duration_us,
        approval_id: row.approval,
    };
    channel.push(name::CALL_FINISHED, &data, Some(Right::ReadAudit));
}
