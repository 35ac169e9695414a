//! When a credential ends under something that lasts: an event stream, a call that is held.

use std::time::Duration;

use super::{Actor, again};
use crate::{error::Kind, service::Base};

/// How long to wait before asking again what cannot be known, and how late an end by time may be noticed.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Resolves when the actor's credential has ended: a change of the configuration ended it, or its time is over. A console
/// session ends without a word to anybody; see [`still_valid`](super::still_valid).
pub async fn ended(services: &Base, actor: &Actor) {
    let mut versions = services.directory.versions();
    loop {
        let ends = match again(services, actor).await {
            Ok(actor) => actor.expires_at,
            Err(error) if error.kind == Kind::Unauthorized => return,
            // While the database is away nothing is known to have ended.
            Err(_) => {
                tokio::time::sleep(A_MOMENT).await;
                continue;
            }
        };
        let now = services.clock.now();
        if ends.is_some_and(|at| at <= now) {
            return;
        }
        let in_time = async {
            match ends {
                Some(at) => tokio::time::sleep((at - now).to_std().unwrap_or_default().max(A_MOMENT)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender goes with the process.
            changed = versions.changed() => if changed.is_err() { return },
            () = in_time => {}
        }
    }
}
