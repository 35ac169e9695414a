//! Loads orgs: each once however many wait for it, and to its end also when they have gone.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use domain::{OrgId, directory::Org};
use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::{Directory, in_time, kept::Item};
use crate::{
    db::{self, directory::Read},
    error::{Error, Result},
};

/// Connections of the pool that are not for loads: for people and names, for secrets, for changes.
const OTHERS: usize = 3;

type Loaded = Result<Option<Item<Arc<Org>>>>;

/// The loads under way.
pub(super) struct Loads {
    directory: Weak<Directory>,
    under_way: Mutex<HashMap<OrgId, Shared<BoxFuture<'static, Loaded>>>>,
    turn: Semaphore,
}

impl Loads {
    /// With so many connections in the pool.
    pub(super) fn new(directory: Weak<Directory>, connections: usize) -> Self {
        let turn = Semaphore::new(connections.saturating_sub(OTHERS).max(1));
        Self { directory, under_way: Mutex::default(), turn }
    }

    /// Waits for a load of this org: the one that is under way, else a new one.
    pub(super) async fn load(&self, id: OrgId) -> Loaded {
        let loading = {
            let mut under_way = self.under_way.lock();
            let begin = || {
                let loading = tokio::spawn(load(self.directory.clone(), id));
                loading.map(|ended| ended.unwrap_or_else(|error| Err(Error::internal(error)))).boxed().shared()
            };
            under_way.entry(id).or_insert_with(begin).clone()
        };
        loading.await
    }
}

async fn load(directory: Weak<Directory>, id: OrgId) -> Loaded {
    let directory = directory.upgrade().ok_or_else(|| Error::unavailable("the gateway is stopping"))?;
    let _ended = Ended { loads: &directory.loads, id };
    let _turn = directory.loads.turn.acquire().await.map_err(Error::internal)?;
    let before = directory.orgs.get(&id).map(|item| item.value);
    // Its own bound: one that hangs must not be what everybody waits for from then on.
    let reading = db::directory::org(&directory.db, id, directory.forbid_self_approval, before.as_deref());
    let read = in_time(reading).await?;
    let item = read.map(|org| Item::of([id.0], Read { version: org.version, value: Arc::new(org) }));
    if let Some(item) = &item {
        directory.orgs.insert(id, item.clone());
    }
    Ok(item)
}

/// The load is under way no longer when this is dropped, however it ended.
struct Ended<'d> {
    loads: &'d Loads,
    id: OrgId,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.loads.under_way.lock().remove(&self.id);
    }
}
