//! The budgets of this process: requests in flight, and the bytes held for them. Each caller, each org and the process
//! have a budget, and every request counts towards all three.
//!
//! Nothing waits here, and nothing is stored for a caller without requests in flight. Counted are the large things that
//! live as long as their request: the body, from its first piece on, the copies for the record and the upstream, and
//! the answer.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use domain::{OrgId, Principal};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    config::Budgets,
    error::{Error, Kind, Result},
    metrics,
};

/// The budgets, and how much of them is used. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Budget(Arc<Floors>);

struct Floors {
    limits: Budgets,
    callers: Mutex<HashMap<Principal, Tally>>,
    orgs: Mutex<HashMap<OrgId, Tally>>,
    process: Used,
}

/// What one caller or org has in flight.
#[derive(Default)]
struct Tally {
    used: Arc<Used>,
    /// How many loads refer to it.
    loads: usize,
}

#[derive(Default)]
struct Used {
    calls: AtomicUsize,
    bytes: AtomicUsize,
    /// The turn to exceed the budget for an answer. A request has it until all of the request is over.
    turn: OnceLock<Arc<Semaphore>>,
}

/// The owner of a budget.
#[derive(Clone, Copy)]
enum Whose {
    Callers,
    Orgs,
    Process,
}

/// The kind of what is counted.
#[derive(Clone, Copy)]
enum What {
    Calls,
    Bytes,
}

impl Budget {
    /// Budgets of which nothing is used.
    pub fn new(limits: Budgets) -> Self {
        let floors = Floors { limits, callers: Mutex::default(), orgs: Mutex::default(), process: Used::default() };
        Self(Arc::new(floors))
    }

    /// Begins a request of a caller: takes a call of each budget, until the load is dropped. `org` is the org that the
    /// caller belongs to; `None` for a person of no org, for whom only the caller's own budget and the process's count.
    ///
    /// # Errors
    /// See [`super::is_over`].
    pub fn begin(&self, caller: Principal, org: Option<OrgId>) -> Result<Load> {
        self.load(Some(caller), org)
    }

    /// Begins a request of an unknown caller: only the process's budget counts.
    ///
    /// # Errors
    /// See [`super::is_over`].
    pub fn begin_unknown(&self) -> Result<Load> {
        self.load(None, None)
    }

    fn load(&self, caller: Option<Principal>, org: Option<OrgId>) -> Result<Load> {
        let load = Load {
            budget: self.clone(),
            caller: caller.map(|caller| (caller, enter(&self.0.callers, caller))),
            org: org.map(|org| (org, enter(&self.0.orgs, org))),
            // Until it has its call, it counts as waiting.
            waits: AtomicUsize::new(1),
            bytes: AtomicUsize::new(0),
            turn: OnceLock::new(),
        };
        load.take(What::Calls, 1).map_err(|full| full.error())?;
        load.waits.store(0, Relaxed);
        Ok(load)
    }
}

/// The tally under a key, created if there is none.
fn enter<K: Eq + Hash>(floor: &Mutex<HashMap<K, Tally>>, key: K) -> Arc<Used> {
    let mut floor = floor.lock();
    let entry = floor.entry(key).or_default();
    entry.loads += 1;
    entry.used.clone()
}

/// Removes the tally under a key once nothing is in flight.
fn leave<K: Eq + Hash>(floor: &Mutex<HashMap<K, Tally>>, key: &K) {
    let mut floor = floor.lock();
    if let Some(entry) = floor.get_mut(key) {
        entry.loads -= 1;
        if entry.loads == 0 {
            floor.remove(key);
        }
    }
}

/// What one request uses of the budgets; released on drop.
pub struct Load {
    budget: Budget,
    caller: Option<(Principal, Arc<Used>)>,
    org: Option<(OrgId, Arc<Used>)>,
    /// How many things it waits for; unless this is 0, it is not in flight.
    waits: AtomicUsize,
    bytes: AtomicUsize,
    /// The caller's turn, if this request has it.
    turn: OnceLock<OwnedSemaphorePermit>,
}

impl Load {
    /// Takes room for bytes that are about to be kept.
    ///
    /// # Errors
    /// See [`super::is_over`]; then nothing was taken.
    pub fn hold(&self, bytes: usize) -> Result<()> {
        self.take(What::Bytes, bytes).map_err(|full| full.error())?;
        self.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Takes room for bytes of an answer that is being read. If there is none, it waits for its caller's turn to exceed
    /// the budget, which one request has at a time and until it is over: accepted requests finish one after the other.
    pub async fn receive(&self, bytes: usize) {
        if self.turn.get().is_none() && self.take(What::Bytes, bytes).is_ok() {
            self.bytes.fetch_add(bytes, Relaxed);
            return;
        }
        if let Some((_, used)) = &self.caller
            && self.turn.get().is_none()
            && let Ok(turn) = used.turn().acquire_owned().await
        {
            let _ = self.turn.set(turn);
        }
        self.carry(bytes);
    }

    /// Counts bytes of an accepted request, such as its answer. This may exceed a budget, because accepted requests
    /// finish; the next request is refused until there is room again.
    pub fn carry(&self, bytes: usize) {
        for (_, used) in self.floors() {
            used.bytes.fetch_add(bytes, Relaxed);
        }
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Releases all bytes counted so far, because they are no longer held.
    pub fn let_go(&self) {
        let bytes = self.bytes.swap(0, Relaxed);
        for (_, used) in self.floors() {
            used.bytes.fetch_sub(bytes, Relaxed);
        }
    }

    /// Marks the request as waiting for a person or for another call: it is not in flight while the guard lives.
    /// Afterwards it is in flight again, even without room, because accepted requests finish. Its bytes stay counted.
    pub fn wait(&self) -> Waiting<'_> {
        self.rest();
        Waiting(self)
    }

    /// The same for good: the rest of the request has a bound of its own.
    pub fn rest(&self) {
        if self.waits.fetch_add(1, Relaxed) == 0 {
            for (_, used) in self.floors() {
                used.calls.fetch_sub(1, Relaxed);
            }
        }
    }

    /// Another request of the same caller, such as an entry of a batch.
    ///
    /// # Errors
    /// See [`super::is_over`].
    pub fn beside(&self) -> Result<Self> {
        let caller = self.caller.as_ref().map(|(caller, _)| *caller);
        self.budget.load(caller, self.org.as_ref().map(|(org, _)| *org))
    }

    fn go_on(&self) {
        if self.waits.fetch_sub(1, Relaxed) == 1 {
            for (_, used) in self.floors() {
                used.calls.fetch_add(1, Relaxed);
            }
        }
    }

    /// The budgets towards which it counts, the narrowest first.
    fn floors(&self) -> impl Iterator<Item = (Whose, &Used)> {
        let caller = self.caller.iter().map(|(_, used)| (Whose::Callers, &**used));
        let org = self.org.iter().map(|(_, used)| (Whose::Orgs, &**used));
        caller.chain(org).chain(std::iter::once((Whose::Process, &self.budget.0.process)))
    }

    fn take(&self, what: What, amount: usize) -> Result<(), Full> {
        for (taken, (whose, used)) in self.floors().enumerate() {
            let (used, limit) = (used.of(what), limit(&self.budget.0.limits, whose, what));
            let fits = |now: usize| now.checked_add(amount).filter(|sum| *sum <= limit);
            if used.fetch_update(Relaxed, Relaxed, fits).is_err() {
                for (_, before) in self.floors().take(taken) {
                    before.of(what).fetch_sub(amount, Relaxed);
                }
                return Err(Full { whose, what, limit });
            }
        }
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.rest();
        self.let_go();
        if let Some((caller, _)) = &self.caller {
            leave(&self.budget.0.callers, caller);
        }
        if let Some((org, _)) = &self.org {
            leave(&self.budget.0.orgs, org);
        }
    }
}

/// A request waits while this lives.
pub struct Waiting<'a>(&'a Load);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

impl Used {
    fn turn(&self) -> Arc<Semaphore> {
        self.turn.get_or_init(|| Arc::new(Semaphore::new(1))).clone()
    }

    fn of(&self, what: What) -> &AtomicUsize {
        match what {
            What::Calls => &self.calls,
            What::Bytes => &self.bytes,
        }
    }
}

fn limit(budgets: &Budgets, whose: Whose, what: What) -> usize {
    let share = match whose {
        Whose::Callers => budgets.caller,
        Whose::Orgs => budgets.org,
        Whose::Process => budgets.process,
    };
    match what {
        What::Calls => share.calls,
        What::Bytes => share.bytes,
    }
}

/// When a refused caller may retry: most requests take about this long.
const COME_BACK: Duration = Duration::from_secs(1);

/// A budget without room.
struct Full {
    whose: Whose,
    what: What,
    limit: usize,
}

impl Full {
    /// The error for the refused caller.
    fn error(self) -> Error {
        let Self { whose, what, limit } = self;
        let name = match whose {
            Whose::Callers => "caller",
            Whose::Orgs => "org",
            Whose::Process => "process",
        };
        let (kind, code) = match (whose, what) {
            (Whose::Process, _) => (Kind::Unavailable, "overloaded"),
            (_, What::Calls) => (Kind::TooMany(COME_BACK), "too_many_calls"),
            (_, What::Bytes) => (Kind::TooMany(COME_BACK), "too_many_bytes"),
        };
        metrics::over_budget(name, code);
        let message = match what {
            What::Calls => format!("the requests in flight of this {name} are {limit}, which is the limit"),
            What::Bytes => {
                format!("the requests in flight of this {name} would hold more than {limit} bytes, which is the limit")
            }
        };
        Error::new(kind, code, format!("{message}; nothing was done, send this again after `Retry-After`"))
    }
}
