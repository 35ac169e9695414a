//! When a credential ends under something that lasts: an event stream, a call that is held.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::directory::Directory;

use super::{Actor, again};
use crate::service::Base;

/// How long a snapshot that is too old to be used is waited for, and how late an end by time may be noticed.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Resolves when the actor's credential has ended: a change of the configuration ended it, or its time is over. A console
/// session ends without a word to anybody; see [`still_valid`](super::still_valid).
pub async fn ended(services: &Base, actor: &Actor) {
    let mut versions = services.directory.versions();
    loop {
        // While the database is away nothing is known to have ended.
        let Ok(directory) = services.directory.get() else {
            tokio::time::sleep(A_MOMENT).await;
            continue;
        };
        let now = services.clock.now();
        if again(services, &directory, actor).is_err() || actor.expires_at.is_some_and(|at| at <= now) {
            return;
        }
        let ends = ends_at(&directory, actor);
        drop(directory);
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

/// When the credential ends by time alone, as far as is known now.
fn ends_at(directory: &Directory, actor: &Actor) -> Option<DateTime<Utc>> {
    let secret = actor.key_secret.and_then(|sha256| directory.keys.get(&sha256));
    let of_key = secret.into_iter().flat_map(|secret| [secret.valid_until, secret.key.expires_at]);
    of_key.chain([actor.expires_at]).flatten().min()
}
