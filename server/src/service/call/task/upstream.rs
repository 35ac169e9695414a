//! Asks an upstream about a task of its own.

use domain::directory::Org;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    db::task::Followed,
    error::{Error, Result},
    service::{Catalog, catalog::connection},
    upstream::{Answer, TaskRequest},
};

/// Asks the upstream about its task. `None`: the upstream no longer knows it, or the connection was reconfigured since,
/// so that another server may answer there.
///
/// # Errors
/// Unavailable, with the reason, if it cannot be asked or answers with another error.
pub(super) async fn ask(
    services: &Catalog,
    org: &Org,
    followed: &Followed,
    asked: TaskRequest<'_>,
) -> Result<Option<Box<RawValue>>> {
    // The task may have begun long ago.
    let now = services.directory.org(org.id).await?;
    let connection = now.as_ref().and_then(|now| now.connections.get(&followed.source.connection));
    let Some(connection) = connection.filter(|found| found.version == followed.source.connection_version) else {
        return Ok(None);
    };
    if !connection.enabled {
        return Err(Error::unavailable("the connection of this task cannot be used"));
    }
    let spec = connection::spec(services, connection)?;
    let cancel = match asked {
        TaskRequest::Get => services.stop.clone(),
        // A request that changes something is not cancelled.
        TaskRequest::Update { .. } | TaskRequest::Cancel => CancellationToken::new(),
    };
    let answer = services.upstreams.task(&spec, asked, &followed.task, cancel).await;
    match answer {
        Ok(Answer::Result(result)) => Ok(Some(result)),
        Ok(Answer::Error(error)) => match Refused::read(&error) {
            Refused { code: wire::error::INVALID_PARAMS, .. } => Ok(None),
            Refused { message, .. } => Err(trouble(connection.slug.as_str(), &message)),
        },
        Err(error) => Err(trouble(connection.slug.as_str(), &error.to_string())),
    }
}

fn trouble(connection: &str, reason: &str) -> Error {
    Error::unavailable(format!("the connection `{connection}` does not tell how this task stands: {reason}"))
}

/// An upstream's JSON-RPC error.
#[derive(serde::Deserialize)]
pub(super) struct Refused {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Refused {
    pub(super) fn read(error: &RawValue) -> Self {
        let unreadable = |_| Self { code: 0, message: "it answered with an error".to_owned() };
        serde_json::from_str(error.get()).unwrap_or_else(unreadable)
    }
}
