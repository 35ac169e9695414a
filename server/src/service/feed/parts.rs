//! Tells which parts of the org have changed: members, keys, toolkits, roles, the org itself. Triggers name them in
//! notifications; what has changed close together is told as one, and who watches reads it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use api_types::event::{OrgChanged, OrgPart, name};
use domain::Right;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

use super::channel::Channel;
use crate::{live, service::Base};

/// How long after something was told the same is told again at the soonest.
const PAUSE: Duration = Duration::from_millis(250);

/// What tells that parts of orgs have changed.
pub(super) struct Parts {
    changes: Receiver<live::OrgChanged>,
    /// What has changed and is not told yet.
    gathered: BTreeSet<OrgPart>,
}

impl Parts {
    /// From here on nothing is missed, but while the LISTEN connection is away: when it is back, everybody is sent `resync`.
    pub(super) fn begin(services: &Base) -> Self {
        Self { changes: services.live.orgs(), gathered: BTreeSet::new() }
    }

    /// Tells until the channel is closed.
    pub(super) async fn tell(mut self, services: Arc<Base>, channel: Arc<Channel>) {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = channel.closed.cancelled() => return,
                change = self.changes.recv() => match change {
                    Ok(change) if change.org == channel.org => self.gathered.extend(OrgPart::named(&change.what)),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => self.gathered.extend(OrgPart::ALL),
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep_until(next), if !self.gathered.is_empty() => {
                    // Who reads now is answered by what has changed. Without the database they read again later.
                    let _ = services.directory.refresh().await;
                    for part in std::mem::take(&mut self.gathered) {
                        let data = OrgChanged { what: part.as_str().to_owned() };
                        channel.push(name::ORG_CHANGED, &data, needs(part));
                    }
                    next = Instant::now() + PAUSE;
                }
            }
        }
    }
}

/// The right that it takes to read the part; `None`: everybody who watches may.
fn needs(part: OrgPart) -> Option<Right> {
    match part {
        OrgPart::Members | OrgPart::Roles => Some(Right::ReadMembers),
        OrgPart::Keys => Some(Right::ReadKeys),
        OrgPart::Toolkits => Some(Right::ReadToolkits),
        OrgPart::Org => None,
    }
}
