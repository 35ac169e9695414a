//! Sending a claimed call, once, under its lease (approvals.md, "The lease"). It runs to its end
//! also when its client has gone.

use std::{sync::Arc, time::Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wire::mcp::{Meta, upstream_call_params};

use super::{
    Context, Reply,
    claim::{Claimed, MARGIN},
    run, say, settle,
};
use crate::{
    audit::writer::PATIENCE,
    db::{self, OrgScope, audit::Status},
    error::{Error, Result},
    service::Services,
    upstream::{Answer, Call, UpstreamError},
};

/// What became of it, once that is durable.
pub(super) type Reported = std::result::Result<Answer, UpstreamError>;

/// Sends the claimed call and waits for its durable outcome.
pub(super) async fn dispatch(services: &Arc<Services>, context: &Context, claimed: Claimed) -> Result<Reply> {
    let (done, report) = oneshot::channel();
    let record = claimed.record.clone();
    let connection = claimed.spec.slug.clone();
    services.dispatched.spawn(carry_out(services.clone(), claimed, done));
    let id = record.id;
    let reply = match report.await.map_err(|_| Error::internal("the dispatcher ended without a report"))? {
        Ok(Ok(answer)) => {
            let (status, body) = run::body(answer);
            Reply { body, status, rule: None, approval: Some(id), recorded: true, answers: Some((context.org.id, id)) }
        }
        Ok(Err(UpstreamError::NotSent { reason })) => {
            Reply { recorded: true, ..say::not_sent(&record, &connection, &reason) }
        }
        Ok(Err(UpstreamError::Unknown { .. })) => {
            Reply { recorded: true, status: Status::Unknown, ..say::outcome_unknown(services, context, &record) }
        }
        Err(NotRecorded) => {
            return Err(Error::unavailable(
                "the approved call was sent, but what became of it could not be recorded yet; it may have run. Ask approval_status later",
            ));
        }
    };
    Ok(reply)
}

/// The outcome is known but not durable, so it is not told.
pub(super) struct NotRecorded;

async fn carry_out(
    services: Arc<Services>,
    claimed: Claimed,
    done: oneshot::Sender<std::result::Result<Reported, NotRecorded>>,
) {
    let lease = Arc::new(Mutex::new(claimed.lease_ends));
    let finished = CancellationToken::new();
    let heartbeat = tokio::spawn(renew(
        services.clone(),
        claimed.record.org,
        claimed.record.id,
        claimed.holder,
        lease.clone(),
        finished.clone(),
    ));
    let guard = move || {
        let left = lease.lock().saturating_duration_since(Instant::now());
        if left >= MARGIN { Ok(()) } else { Err("the claim had nearly run out before it could be sent".to_owned()) }
    };
    let params = upstream_call_params(&claimed.upstream_tool, &claimed.arguments, &Meta::default(), None);
    let call = Call { tool: &claimed.upstream_tool, params: &params, once: true };
    let answer = services.upstreams.call(&claimed.spec, call, guard, CancellationToken::new()).await;
    // The lease is kept until the outcome is durable: nobody declares it unknown in between.
    let mut done = Some(done);
    let patience = Instant::now() + PATIENCE;
    let settled = settle::settle(&services, &claimed, &answer, || {
        if Instant::now() > patience
            && let Some(done) = done.take()
        {
            // The agent hears that it is not known; the outcome is still written when it can be.
            let _ = done.send(Err(NotRecorded));
        }
    })
    .await;
    finished.cancel();
    let _ = heartbeat.await;
    services.live.wake(claimed.record.id);
    if let Some(done) = done {
        // The client may have gone: then the stored result waits for it.
        let _ = done.send(if settled { Ok(answer) } else { Err(NotRecorded) });
    }
}

/// Renews the lease, three times as often as needed, until the call is finished or the lease lost.
async fn renew(
    services: Arc<Services>,
    org: domain::OrgId,
    id: domain::ApprovalId,
    holder: uuid::Uuid,
    lease: Arc<Mutex<Instant>>,
    finished: CancellationToken,
) {
    loop {
        tokio::select! {
            () = finished.cancelled() => return,
            () = tokio::time::sleep(services.lease / 3) => {}
        }
        let before = Instant::now();
        let renewed = async {
            let mut scope = OrgScope::begin(&services.db, org).await?;
            let renewed = db::approval::renew_lease(&mut scope, id, holder, services.lease.as_secs_f64()).await?;
            scope.commit().await?;
            Ok::<_, Error>(renewed)
        };
        match renewed.await {
            Ok(true) => *lease.lock() = before + services.lease,
            Ok(false) => {
                tracing::warn!(approval.id = %id, "lease lost");
                return;
            }
            Err(error) => tracing::warn!(approval.id = %id, %error, "lease not renewed"),
        }
    }
}
