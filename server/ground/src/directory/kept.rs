//! What is kept of what was read, and how much of it. What is used least recently goes first, and what nobody has used for
//! an hour goes too.

use std::{collections::HashMap, hash::Hash, sync::Arc, time::Duration};

use domain::{OrgId, directory::Org};
use moka::{policy::EvictionPolicy, sync::Cache};
use uuid::Uuid;

use crate::db::directory::Read;

/// How much orgs may take up together, by [`weight`].
const ORGS: u64 = 512 * 1024 * 1024;
/// The most that one org counts: however large orgs are, four are kept.
const LARGEST_ORG: u32 = 128 * 1024 * 1024;
/// How many names of orgs are kept.
pub(super) const NAMES: u64 = 50_000;
/// How many secrets of keys are kept, of some 400 bytes each.
pub(super) const KEYS: u64 = 200_000;
/// How many people are kept.
pub(super) const PEOPLE: u64 = 50_000;
/// How long what nobody uses is kept.
const IDLE: Duration = Duration::from_secs(3600);

/// Something that was read.
#[derive(Clone, Debug)]
pub(super) struct Item<T> {
    /// The version of the configuration at that moment.
    pub(super) version: i64,
    /// The orgs, people and keys that it was read of.
    pub(super) of: Arc<[Uuid]>,
    pub(super) value: T,
}

impl<T> Item<T> {
    pub(super) fn of(of: impl Into<Arc<[Uuid]>>, read: Read<T>) -> Self {
        Self { version: read.version, of: of.into(), value: read.value }
    }
}

/// What is kept.
pub(super) trait Value: Clone + Send + Sync + 'static {}
impl<T: Clone + Send + Sync + 'static> Value for T {}

/// What a thing is found by.
pub(super) trait Key: Hash + Eq + Clone + Send + Sync + 'static {}
impl<K: Hash + Eq + Clone + Send + Sync + 'static> Key for K {}

/// Things that are kept.
pub(super) type Kept<K, T> = Cache<K, Item<T>>;

/// Keeps so many.
pub(super) fn so_many<K: Key, T: Value>(most: u64) -> Kept<K, T> {
    Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).time_to_idle(IDLE).build()
}

/// Keeps orgs by their size.
pub(super) fn orgs() -> Kept<OrgId, Arc<Org>> {
    Cache::builder()
        .max_capacity(ORGS)
        .weigher(|_, item: &Item<Arc<Org>>| weight(&item.value))
        .eviction_policy(EvictionPolicy::lru())
        .time_to_idle(IDLE)
        .build()
}

/// About how many bytes an org takes up: definitions are most of it.
fn weight(org: &Org) -> u32 {
    let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
    let toolkits: usize = org.toolkits.values().map(|toolkit| 500 + text(&toolkit.instructions)).sum();
    let exposed: Vec<_> = org.toolkits.values().flat_map(|toolkit| &toolkit.tools).collect();
    let policies: usize = exposed.iter().map(|exposed| 500 + 100 * exposed.policies.len()).sum();
    let tools: HashMap<_, _> = exposed.iter().map(|exposed| (exposed.tool.id, exposed.tool.definition.len())).collect();
    let definitions: usize = tools.values().map(|bytes| 500 + bytes).sum();
    let connections = org.connections.values().map(|one| 500 + one.config_sealed.len() + text(&one.instructions));
    let rest = 200 * org.roles.len() + 50 * org.members.len() + 60 * org.open.len();
    u32::try_from(2_000 + toolkits + policies + definitions + connections.sum::<usize>() + rest)
        .unwrap_or(LARGEST_ORG)
        .min(LARGEST_ORG)
}
