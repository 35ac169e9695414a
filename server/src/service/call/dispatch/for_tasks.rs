//! Runs approved calls while only a task waits for them. Every replica listens; at most one claim wins. A sweep finds
//! what was left behind by a replica that died, a lost notification or an unreachable upstream.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use domain::{ApprovalId, AuditId, OrgId, approval::State};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError},
    task::JoinSet,
    time::Instant,
};
use uuid::Uuid;
use wire::mcp::Trace;

use super::{super::progress::Progress, claim, claimed::Claimant, send};
use crate::{
    audit::redact::recorded,
    db::{
        self, OrgScope, Reason, SystemScope,
        audit::{Intent, Source},
    },
    error::Result,
    live::ApprovalChanged,
    service::{Base, Calls},
};

/// The pause after a first attempt that sent nothing; doubled after each further one, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(60);
/// How many claims of one org a replica has in flight at once. A call no longer counts once it is claimed: a slow
/// upstream does not hold up other calls.
const AT_ONCE: usize = 16;

/// Runs approved calls that a task waits for, until the process stops.
pub async fn run_approved(services: Arc<Calls>) {
    let mut changes = services.live.approvals();
    let mut listening = services.live.listening();
    let mut sweep = tokio::time::interval(services.pace.sweep);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut runner = Runner::new(services);
    loop {
        tokio::select! {
            () = runner.services.stop.cancelled() => return,
            Some(tried) = runner.tries.join_next() => runner.tried(tried),
            change = changes.recv() => match change {
                Ok(change) => runner.changed(&change),
                Err(RecvError::Lagged(_)) => runner.sweep().await,
                Err(RecvError::Closed) => return,
            },
            // Notifications may have been missed.
            Ok(()) = listening.changed() => runner.sweep().await,
            _ = sweep.tick() => runner.sweep().await,
        }
    }
}

struct Runner {
    services: Arc<Calls>,
    slots: HashMap<OrgId, Arc<Semaphore>>,
    tries: JoinSet<(ApprovalId, bool)>,
    trying: HashSet<ApprovalId>,
    /// Approvals that rest after an attempt, on this replica or another.
    pauses: HashMap<ApprovalId, Pause>,
}

#[derive(Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

impl Runner {
    fn new(services: Arc<Calls>) -> Self {
        Self { services, slots: HashMap::new(), tries: JoinSet::new(), trying: HashSet::new(), pauses: HashMap::new() }
    }

    fn changed(&mut self, change: &ApprovalChanged) {
        match change.state.as_str() {
            "approved" if !self.rests(change.approval) => self.attempt(change.org, change.approval),
            "approved" => {}
            // If nothing was sent, it returns to approved; that is no reason for an immediate retry.
            "executing" => self.rest(change.approval),
            _ => drop(self.pauses.remove(&change.approval)),
        }
    }

    async fn sweep(&mut self) {
        // Forgets approvals that have not been heard of since their pause ended.
        self.pauses.retain(|_, pause| pause.until.elapsed() < 2 * LONGEST);
        self.slots.retain(|_, slots| Arc::strong_count(slots) > 1);
        let resting = self.pauses.iter().filter(|(_, pause)| pause.until > Instant::now()).map(|(id, _)| id);
        let except: Vec<Uuid> = resting.chain(&self.trying).map(|id| id.0).collect();
        match waiting(&self.services, &except).await {
            Ok(found) => found.into_iter().for_each(|(org, id)| self.attempt(org, id)),
            Err(error) => tracing::warn!(%error, "approved calls with tasks could not be looked for"),
        }
    }

    fn attempt(&mut self, org: OrgId, id: ApprovalId) {
        if !self.trying.insert(id) {
            return;
        }
        let services = self.services.clone();
        let slots = self.slots.entry(org).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE))).clone();
        self.tries.spawn(async move {
            let slot = slots.acquire_owned().await.ok();
            let again = attempt(&services, org, id, slot).await.unwrap_or_else(|error| {
                tracing::warn!(approval.id = %id, %error, "an approved call with a task could not be run yet");
                true
            });
            (id, again)
        });
    }

    fn tried(&mut self, tried: std::result::Result<(ApprovalId, bool), tokio::task::JoinError>) {
        // It is not known whose attempt panicked; claims keep the attempts in flight apart.
        let Ok((id, again)) = tried else { return self.trying.clear() };
        self.trying.remove(&id);
        if again && !self.rests(id) {
            self.rest(id);
        }
    }

    fn rests(&self, id: ApprovalId) -> bool {
        self.trying.contains(&id) || self.pauses.get(&id).is_some_and(|pause| pause.until > Instant::now())
    }

    fn rest(&mut self, id: ApprovalId) {
        let length = self.pauses.get(&id).map_or(SHORTEST, |pause| (pause.length * 2).min(LONGEST));
        self.pauses.insert(id, Pause { until: Instant::now() + length, length });
    }
}

async fn waiting(services: &Base, except: &[Uuid]) -> Result<Vec<(OrgId, ApprovalId)>> {
    let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
    db::task::waiting(&mut scope, except).await
}

/// Runs one approval, if a task waits for it, and releases the slot once it is claimed. Returns whether to try again
/// later.
async fn attempt(
    services: &Arc<Calls>,
    org: OrgId,
    id: ApprovalId,
    slot: Option<OwnedSemaphorePermit>,
) -> Result<bool> {
    let mut scope = OrgScope::system(&services.db.calls, org, Reason::Upkeep).await?;
    if db::task::count_open(&mut scope, id).await? == 0 {
        return Ok(false);
    }
    let Some(record) = db::approval::get(&mut scope, id).await? else { return Ok(false) };
    let trace = db::task::trace(&mut scope, id).await?;
    if !matches!(record.state(), State::Approved(_)) {
        return Ok(false);
    }
    let arguments = claim::arguments(services, &mut scope, id).await?;
    drop(scope);
    let request = format!("{{\"name\":{},\"arguments\":{}}}", json!(record.tool), arguments.get());
    let request = recorded(&request).await;
    let Some(org) = services.directory.org(record.org).await? else { return Ok(false) };
    // The caller's own call: the approval says who it was, and the claim checks that it may still call.
    let intent = Intent {
        id: AuditId::new(),
        at: services.clock.now(),
        org: record.org,
        request_id: Uuid::now_v7(),
        actor: Some(record.binding.caller),
        actor_name: record.caller_name.clone(),
        actor_org: Some(record.caller_org),
        action: "tools/call".to_owned(),
        toolkit: Some(record.toolkit.clone()),
        tool: Some(record.tool.clone()),
        request: Some(request.into()),
        rule: None,
        approval: Some(id),
        client: record.client.clone(),
        source: Source::Mcp,
    };
    let claimant = Claimant {
        org: org.id,
        principal: record.binding.caller,
        name: record.caller_name,
        intent,
        began: std::time::Instant::now(),
        tasks: false,
        // No client is present to be asked or to call again.
        inputs: None,
        only_for_task: true,
        trace: trace.as_deref().map(Trace::from_json).unwrap_or_default(),
        progress: Progress::default(),
        load: None,
    };
    Ok(send::dispatch_for_task(services, claimant, id, slot).await)
}
