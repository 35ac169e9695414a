//! An idempotency key: what was sent with it runs once, and its answer is kept for a day (api.md, "Calling tools").

use std::{sync::Arc, time::Duration};

use domain::{ApprovalId, OrgId, Principal, ToolkitId};
use uuid::Uuid;
use wire::canonical::sha256;

use crate::{
    db::{
        self, OrgScope, Reason, SystemScope,
        idempotent_call::{For, Id, Row},
    },
    error::{Error, Result},
    seal::Purpose,
    service::{Base, Calls},
};

/// How often a key is given back of which it is not known whether it was taken, and the pause before each attempt.
const RELEASES: usize = 30;
const RELEASE: Duration = Duration::from_secs(2);
/// The largest answer that is kept, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;

/// An idempotency key of a caller at a toolkit, and what it was sent with.
#[derive(Clone, Debug)]
pub struct Once {
    org: OrgId,
    id: Id,
    request_sha256: [u8; 32],
}

/// Whether a key could be taken.
pub(super) enum Taken {
    /// It is this call's.
    Ours,
    /// Another call has it.
    Theirs,
    /// The caller has used too many.
    TooMany,
}

impl Once {
    /// The key that this caller sent with a call of this tool.
    pub fn new(
        org: OrgId,
        caller: Principal,
        toolkit: ToolkitId,
        key: &str,
        (tool, arguments_sha256): (&str, &[u8; 32]),
    ) -> Self {
        let request_sha256 = sha256(&[tool.as_bytes(), &[0xff], arguments_sha256].concat());
        Self { org, id: Id { caller, toolkit, key_sha256: sha256(key.as_bytes()) }, request_sha256 }
    }

    /// What is known of the key.
    pub(super) async fn find(&self, services: &Base) -> Result<Option<Row>> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        db::idempotent_call::find(&mut scope, &self.id).await
    }

    /// Whether the key was used for the same call.
    pub(super) fn is_same(&self, row: &Row) -> bool {
        row.request_sha256 == self.request_sha256
    }

    /// Takes the key; durable when it returns. If that cannot be known, what was taken is given back later.
    pub(super) async fn take(&self, services: &Arc<Calls>, holder: Uuid, what: For) -> Result<Taken> {
        let taken = self.try_take(services, holder, what).await;
        if taken.is_err() {
            self.release(services, holder);
        }
        taken
    }

    /// Gives the key back as soon as Postgres can be reached.
    pub(super) fn release(&self, services: &Arc<Calls>, holder: Uuid) {
        let (once, releasing) = (self.clone(), services.clone());
        services.dispatched.spawn(async move {
            for _ in 0..RELEASES {
                tokio::time::sleep(RELEASE).await;
                if releasing.stop.is_cancelled() || once.give_back(&releasing, holder).await.is_ok() {
                    return;
                }
            }
        });
    }

    async fn try_take(&self, services: &Calls, holder: Uuid, what: For) -> Result<Taken> {
        let (request, lease) = (&self.request_sha256, services.lease.as_secs_f64());
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        let taken = db::idempotent_call::take(&mut scope, &self.id, request, holder, lease, what).await?;
        let is_known = taken || db::idempotent_call::find(&mut scope, &self.id).await?.is_some();
        scope.commit().await?;
        Ok(match (taken, is_known) {
            (true, _) => Taken::Ours,
            (false, true) => Taken::Theirs,
            (false, false) => Taken::TooMany,
        })
    }

    /// Binds the key to the approval that was opened or joined. `false`: the key is another call's by now.
    pub(super) async fn bind(&self, services: &Base, holder: Uuid, approval: ApprovalId) -> Result<bool> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        let bound = db::idempotent_call::bind(&mut scope, &self.id, holder, approval).await?;
        scope.commit().await?;
        Ok(bound)
    }

    /// Says that the call still runs.
    pub(super) async fn renew(&self, services: &Base, holder: Uuid, lease_seconds: f64) -> Result<bool> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        let renewed = db::idempotent_call::renew(&mut scope, &self.id, holder, lease_seconds).await?;
        scope.commit().await?;
        Ok(renewed)
    }

    /// Writes that the call ran, with its answer.
    pub(super) async fn answered(&self, services: &Base, holder: Uuid, answer: &[u8]) -> Result<()> {
        let sealed = self.seal(services, answer);
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        db::idempotent_call::answered(&mut scope, &self.id, holder, sealed.as_deref()).await?;
        scope.commit().await
    }

    /// Keeps the answer of an approved call, unless it is too large.
    pub(super) async fn keep_answer(&self, services: &Base, approval: ApprovalId, answer: &[u8]) -> Result<()> {
        let Some(sealed) = self.seal(services, answer) else { return Ok(()) };
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        db::idempotent_call::keep_answer(&mut scope, &self.id, approval, &sealed).await?;
        scope.commit().await
    }

    /// Writes that the call may have run.
    pub(super) async fn lost(&self, services: &Base, holder: Uuid) -> Result<()> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        db::idempotent_call::lost(&mut scope, &self.id, holder).await?;
        scope.commit().await
    }

    /// Gives the key back: nothing was sent. If its lease has lapsed, others were told that the call may have run, and that
    /// stays so.
    pub(super) async fn give_back(&self, services: &Base, holder: Uuid) -> Result<()> {
        let mut scope = OrgScope::begin(&services.db.calls, self.org).await?;
        if !db::idempotent_call::give_back(&mut scope, &self.id, holder).await? {
            db::idempotent_call::lost(&mut scope, &self.id, holder).await?;
        }
        scope.commit().await
    }

    /// The bytes of a sealed answer.
    pub(super) fn open(&self, services: &Base, sealed: &[u8]) -> Result<Vec<u8>> {
        services.sealer.open(Purpose::IdempotentAnswer, &self.name(), sealed).map_err(Error::internal)
    }

    fn seal(&self, services: &Base, answer: &[u8]) -> Option<Vec<u8>> {
        let keeps = answer.len() <= LARGEST_ANSWER;
        keeps.then(|| services.sealer.seal(Purpose::IdempotentAnswer, &self.name(), answer))
    }

    /// What a sealed answer is bound to.
    fn name(&self) -> Vec<u8> {
        let Id { caller, toolkit, key_sha256 } = &self.id;
        let caller = [caller.kind().as_bytes(), caller.id().as_bytes()].concat();
        [&caller, toolkit.0.as_bytes().as_slice(), key_sha256, &self.request_sha256].concat()
    }
}

/// Removes the keys that are older than a day.
///
/// # Errors
/// When Postgres cannot be reached.
pub async fn sweep(services: &Base) -> Result<()> {
    while !services.stop.is_cancelled() {
        let mut scope = SystemScope::begin(&services.db.upkeep, Reason::Sweep).await?;
        let swept = db::idempotent_call::sweep(&mut scope).await?;
        scope.commit().await?;
        if swept < db::idempotent_call::SWEPT_AT_ONCE {
            break;
        }
    }
    Ok(())
}
