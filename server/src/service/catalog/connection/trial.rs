//! A connection that is tried: its upstream is asked for its tools, in a session of its own of which nothing is kept.

use std::{sync::Arc, time::Duration};

use api_types::{TestConnection, TestedConnection};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::{
    bounded,
    compare::{self, Listed},
    config::Config,
    connect_default, get, may_run_programs, open,
};
use crate::{
    error::{Error, Result},
    service::{
        Catalog,
        access::OrgAccess,
        change::{self, About},
    },
    upstream::{ConnectionSpec, Upstreams},
};

/// How long a trial may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How many tools are told.
const TOOLS: usize = 200;
/// How many entries of the list that cannot be used are told.
const UNUSABLE: usize = 50;
/// How many lines of the log are told.
const LINES: usize = 20;

/// Tries a configuration of which there is no connection.
///
/// # Errors
/// A wrong configuration or time limit; a program asked for by somebody who does not administer the instance;
/// `too_many_tests` (429). An upstream that does not answer is none.
pub async fn test(services: &Catalog, access: &OrgAccess, new: &TestConnection) -> Result<TestedConnection> {
    may_run_programs(access, new.kind)?;
    let config = Config::read(new.kind, &new.config, None)?;
    let limit = bounded("connect_timeout_ms", new.connect_timeout_ms, 1_000..=60_000)?;
    let limit = limit.and_then(|limit| u64::try_from(limit).ok()).map(Duration::from_millis);
    let request = json!({ "kind": new.kind, "config": config.shown() });
    let spec = ConnectionSpec {
        id: Uuid::now_v7(),
        slug: "test".to_owned(),
        version: 0,
        secrets: Arc::new(config.secrets()),
        transport: config.into_transport(),
        connect_timeout: limit.unwrap_or(connect_default(new.kind)),
        call_timeout: LONGEST,
    };
    tried(services, access, spec, &request).await
}

/// Tries a connection as it is configured.
///
/// # Errors
/// Not found; `connection_disabled` (409); `too_many_tests` (429). An upstream that does not answer is none.
pub async fn test_saved(services: &Catalog, access: &OrgAccess, slug: &str) -> Result<TestedConnection> {
    let connection = get(access, slug)?;
    if !connection.enabled {
        return Err(Error::conflict("connection_disabled", format!("the connection `{slug}` is switched off")));
    }
    let saved = open::spec(services, connection)?;
    // Under an id of its own it shares nothing with the connection.
    let spec = ConnectionSpec { id: Uuid::now_v7(), ..(*saved).clone() };
    tried(services, access, spec, &json!({ "slug": slug })).await
}

async fn tried(
    services: &Catalog,
    access: &OrgAccess,
    spec: ConnectionSpec,
    request: &Value,
) -> Result<TestedConnection> {
    let _taken = services.trials.take(access.actor.principal)?;
    // A program may run, and a server is sent a secret: on record before that happens.
    let mut scope = change::begin(services, access).await?;
    let about = About::default();
    change::record(services, &mut scope, Some(&access.actor), "test_connection", request, None::<&()>, &about).await?;
    scope.commit().await?;
    let session = Session { upstreams: services.upstreams.clone(), id: spec.id };
    let listed = tokio::time::timeout(LONGEST, services.upstreams.list_tools(&Arc::new(spec))).await;
    let mut logs = services.upstreams.logs(session.id, access.actor.instance_admin);
    logs.drain(..logs.len().saturating_sub(LINES));
    let failed = |detail: String, logs| TestedConnection { ok: false, detail, logs, ..TestedConnection::default() };
    match listed {
        Err(_) => Ok(failed(format!("it did not list its tools within {} s", LONGEST.as_secs()), logs)),
        Ok(Err(error)) => Ok(failed(error.reason().to_owned(), logs)),
        Ok(Ok(list)) => {
            // Definitions are as large and as many as the upstream likes.
            let listed = spawn_blocking(move || compare::read(&list)).await.map_err(Error::internal)?;
            Ok(found(listed, logs))
        }
    }
}

fn found(listed: Listed, logs: Vec<String>) -> TestedConnection {
    let (tools, mut unusable) = listed.found(TOOLS);
    let count = tools.count;
    unusable.truncate(UNUSABLE);
    TestedConnection {
        ok: true,
        detail: format!("it answered with {count} tool{}", if count == 1 { "" } else { "s" }),
        more_tools: count - tools.first.len(),
        tools: tools.first,
        unusable,
        logs,
    }
}

/// A session that ends with the trial, also when nobody waits for it any more.
struct Session {
    upstreams: Upstreams,
    id: Uuid,
}

impl Drop for Session {
    fn drop(&mut self) {
        let (upstreams, id) = (self.upstreams.clone(), self.id);
        tokio::spawn(async move { upstreams.forget(id).await });
    }
}
